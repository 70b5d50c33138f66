// For test/process/otel-limits.test.ts: a span from each of three processes.
import cluster from 'node:cluster'
import { trace } from '@opentelemetry/api'
import { shutdown } from 'koa-afterglow/otel'

trace.getTracer('test').startSpan('alive').end()
if (cluster.isPrimary) {
  for (let n = 0; n < 2; n++) cluster.fork()
} else {
  await shutdown()
  process.disconnect?.()
}
