// For test/process/otel-limits.test.ts: COUNT tasks in one turn, each a span and a log line; then the end.
import { createTasks, defineTask } from 'koa-afterglow'
import { shutdown } from 'koa-afterglow/otel'
import { pino } from 'pino'

const task = defineTask({ name: 'burst', run: async (_n: number) => undefined })
const tasks = createTasks({ logger: pino({}, { write: () => undefined }), register: [task] })
for (let n = 0; n < Number(process.env['COUNT']); n++) tasks.add(task, n)
await tasks.idle()
await shutdown()
