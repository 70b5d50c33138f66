// Works on a store until it is killed: `node pg-boss-crash-child.ts FOLDER PLAN`. Says `ready` when that may happen.
import { occupy, type CrashPlan } from 'koa-afterglow/testing'
import { pgBossEngine } from './pg-boss-engine.ts'

const [pglite = '', plan = ''] = process.argv.slice(2)
await occupy(pgBossEngine({ pglite }), JSON.parse(plan) as CrashPlan)
process.stdout.write('ready\n')
