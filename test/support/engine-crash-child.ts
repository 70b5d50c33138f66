// Works on a store until it is killed: `node engine-crash-child.ts ENGINE OPTIONS PLAN`. Says `ready` when that may happen.
import { bullmq, type BullmqOptions } from 'koa-afterglow/bullmq'
import { pgBoss, type PgBossOptions } from 'koa-afterglow/pg-boss'
import { occupy, type CrashPlan } from 'koa-afterglow/testing'

const [name = '', options = '', plan = ''] = process.argv.slice(2)
const given: unknown = JSON.parse(options)
const engine = name === 'bullmq' ? bullmq(given as BullmqOptions) : pgBoss(given as PgBossOptions)
await occupy(engine, JSON.parse(plan) as CrashPlan)
process.stdout.write('ready\n')
