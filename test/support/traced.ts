import { expect } from '@jest/globals'
import Koa from 'koa'
import { createTasks, type Tasks } from 'koa-afterglow'
import { instrumented, served, type Sdk, type SeenSpan } from './telemetry.ts'

/** Serves one Koa handler behind a SERVER span, asks it once, and waits until its tasks have ended. */
export async function asked(handler: Koa.Middleware, tasks: Tasks = createTasks({ logger: false })): Promise<Tasks> {
  const app = new Koa()
  app.silent = true
  app.use(tasks.middleware()).use(handler)
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers by itself
  await using server = await served(instrumented(app.callback()))
  await server.get()
  await tasks.idle()
  return tasks
}

export const named = (sdk: Sdk, name: string): readonly SeenSpan[] => sdk.spans().filter((span) => span.name === name)

/** The only span of that name. */
export function one(sdk: Sdk, name: string): SeenSpan {
  const [span, ...more] = named(sdk, name)
  expect(more).toEqual([])
  const all = sdk.spans().map((other) => other.name)
  if (!span) throw new Error(`no span '${name}' among ${all.join(', ')}`)
  return span
}
