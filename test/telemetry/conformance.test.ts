import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { createTasks, inProcess, type Tasks } from 'koa-afterglow'
import { memoryEngine, telemetryConformance, type TelemetrySubject } from 'koa-afterglow/testing'
import { instrumented, SDK_NAMES, SDKS, served } from '../support/telemetry.ts'

const onInProcess: TelemetrySubject = {
  makeTasks: (options) => createTasks({ ...options, engines: { default: inProcess() } }),
  serve: async (tasks, handle) => {
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
const onDurable: TelemetrySubject = {
  ...onInProcess,
  durable: true,
  makeTasks: (options) => createTasks({ ...options, engines: { default: memoryEngine() } }),
}
const withSdk = (subject: TelemetrySubject, sdkName: (typeof SDK_NAMES)[number]): TelemetrySubject => ({
  ...subject,
  startSdk: () => {
    const sdk = SDKS[sdkName]()
    return { spans: sdk.spans, collect: sdk.collect, stop: () => sdk[Symbol.asyncDispose]() }
  },
})

describe.each(SDK_NAMES)('inProcess() on %s keeps the telemetry contract:', (sdkName) => {
  test.each(telemetryConformance(withSdk(onInProcess, sdkName)))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})

describe.each(SDK_NAMES)('a durable engine on %s keeps the telemetry contract:', (sdkName) => {
  test.each(telemetryConformance(withSdk(onDurable, sdkName)))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})

describe('a durable engine without an SDK keeps what of the telemetry contract is in the log:', () => {
  test.each(telemetryConformance(onDurable))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})

describe('inProcess() without an SDK keeps what of the telemetry contract is in the log:', () => {
  test.each(telemetryConformance(onInProcess))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})
