// Works on a Redis until it is killed: `node bullmq-crash-child.ts OPTIONS PLAN`. Says `ready` when that may happen.
import { bullmq, type BullmqOptions } from 'koa-afterglow/bullmq'
import { occupy, type CrashPlan } from 'koa-afterglow/testing'

const [options = '', plan = ''] = process.argv.slice(2)
await occupy(bullmq(JSON.parse(options) as BullmqOptions), JSON.parse(plan) as CrashPlan)
process.stdout.write('ready\n')
