import Koa from 'koa'
import { createTasks, type Engine, type Tasks } from 'koa-afterglow'
import type { TelemetrySubject } from 'koa-afterglow/testing'
import { instrumented, SDKS, served } from './telemetry.ts'

/** What the telemetry contract judges: a runner on an engine, in an instrumented server, with an SDK or none. */
export function telemetrySubject(
  makeEngine: () => Engine,
  { durable = false, sdk }: { readonly durable?: boolean; readonly sdk?: keyof typeof SDKS },
): TelemetrySubject {
  return {
    ...(durable && { durable }),
    ...(sdk && {
      startSdk() {
        const { spans, collect, [Symbol.asyncDispose]: stop } = SDKS[sdk]()
        return { spans, collect, stop }
      },
    }),
    makeTasks: (options) => createTasks({ ...options, engines: { default: makeEngine() } }),
    async serve(tasks, handle) {
      const app = new Koa()
      app.use((tasks as Tasks).middleware()).use((ctx) => {
        handle(ctx.tasks.add)
        ctx.body = 'ok'
      })
      // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers by itself
      await using server = await served(instrumented(app.callback()))
      await server.get()
    },
  }
}
