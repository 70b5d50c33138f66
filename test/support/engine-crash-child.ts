// Works on a store until it is killed: `node engine-crash-child.ts OPTIONS PLAN`. Says `ready` when that may happen.
import { pgBoss, type PgBossOptions } from 'koa-afterglow/pg-boss'
import { occupy, type CrashPlan } from 'koa-afterglow/testing'

const [options = '', plan = ''] = process.argv.slice(2)
await occupy(pgBoss(JSON.parse(options) as PgBossOptions), JSON.parse(plan) as CrashPlan)
process.stdout.write('ready\n')
