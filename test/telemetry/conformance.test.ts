import { describe, expect, test } from '@jest/globals'
import { inProcess } from 'koa-afterglow'
import { memoryEngine, telemetryConformance } from 'koa-afterglow/testing'
import { SDK_NAMES } from '../support/telemetry.ts'
import { telemetrySubject } from '../support/telemetry-subject.ts'

const ENGINES = [
  ['inProcess()', inProcess, false],
  ['a durable engine', memoryEngine, true],
] as const

describe.each(ENGINES)('%s keeps the telemetry contract', (_name, make, durable) => {
  describe.each(SDK_NAMES)('on %s:', (sdk) => {
    test.each(telemetryConformance(telemetrySubject(() => make(), { durable, sdk })))('$name', async ({ run }) => {
      await expect(run()).resolves.toBeUndefined()
    })
  })

  describe('without an SDK, as far as it is in the log:', () => {
    test.each(telemetryConformance(telemetrySubject(() => make(), { durable })))('$name', async ({ run }) => {
      await expect(run()).resolves.toBeUndefined()
    })
  })
})
