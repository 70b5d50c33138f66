// A task on a thread in a process with telemetry, for test/process/threads.test.ts.
import { context, propagation, trace } from '@opentelemetry/api'
import { createTasks, defineTask } from 'koa-afterglow'
import { pino } from 'pino'

const tasks = createTasks({ logger: pino(), threads: { max: 2 } })
const thread = new URL('./thread-work.ts', import.meta.url)
const traced = defineTask({ name: 'traced', thread, export: 'traced' })
const baggage = propagation.createBaggage({ tenant: { value: 'acme' } })
const runs = trace.getTracer('app').startActiveSpan('request', (span) =>
  context.with(propagation.setBaggage(context.active(), baggage), () => {
    const handles = [tasks.add(traced), tasks.add(traced)]
    span.end()
    return handles
  }),
)
for (const { settled } of runs) process.stdout.write(`${JSON.stringify({ outcome: await settled })}\n`)
await tasks.close()
