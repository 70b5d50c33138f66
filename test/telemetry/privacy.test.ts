import { context, propagation, ROOT_CONTEXT } from '@opentelemetry/api'
import { describe, expect, test } from '@jest/globals'
import { createTasks, defineTask } from 'koa-afterglow'
import { z } from 'zod'
import { everyOutcome } from '../support/every-outcome.ts'
import { manualTasks, thrownBy } from '../support/runner.ts'
import { remembering, SDK_NAMES, SDKS } from '../support/telemetry.ts'

const SECRET = 'hunter2-c0rrect-horse'
const MASKABLE = `connect postgres://me:${SECRET}@db/n failed; Authorization: Bearer ${SECRET}`

/** Everything that left the process, as one text. */
const all = (...left: readonly unknown[]): string => JSON.stringify(left)

const failing = (message: string) => () => {
  throw new Error(message)
}

describe.each(SDK_NAMES)('privacy with %s', (sdkName) => {
  test('a secret that the masker knows leaves nowhere, however a task ends and whatever else happens', async () => {
    await using sdk = SDKS[sdkName]()
    const { lines, logger } = remembering()
    await everyOutcome(MASKABLE, { logger })
    const left = all(
      lines,
      sdk.spans().map(({ name, attributes, events, links, status }) => ({ name, attributes, events, links, status })),
      await sdk.points(),
    )
    expect(left).toContain('[masked]')
    expect(left).not.toContain(SECRET)
  })

  test('inputs, results and baggage leave nowhere at all', async () => {
    await using sdk = SDKS[sdkName]()
    const { lines, logger } = remembering()
    const { tasks, clock } = manualTasks({ logger })
    const charge = defineTask({ name: 'charge', run: (input: { card: string }) => ({ receipt: input.card }) })
    const refused = defineTask({ name: 'refused', run: (_: { card: string }) => failing('no')() })
    const baggage = propagation.createBaggage({ card: { value: SECRET } })
    context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), () => {
      tasks.add(charge, { card: SECRET })
      tasks.add(refused, { card: SECRET })
      tasks.add(function sent(card: string) {
        return card
      }, SECRET)
    })
    await clock.settle()
    expect(lines).toHaveLength(3)
    expect(
      all(
        lines,
        sdk.spans().map(({ attributes, events }) => [attributes, events]),
        await sdk.points(),
      ),
    ).not.toContain(SECRET)
  })
})

describe('what a failure says', () => {
  const bench = (telemetry: Parameters<typeof createTasks>[0] & object) => {
    const { lines, logger } = remembering()
    return { ...manualTasks({ logger, ...telemetry }), lines }
  }

  test('of an input that its schema refused is where, not what: schemas quote the input', async () => {
    const { tasks, clock, lines } = bench({})
    const quoting = z.string().refine(() => false, { error: ({ input }) => `${String(input)} is no card` })
    const charge = defineTask({ name: 'charge', schema: z.object({ card: quoting }), run: () => 1 })
    expect(thrownBy(() => tasks.add(charge, { card: SECRET }))).toMatchObject({
      message: expect.stringContaining(SECRET),
    })
    tasks.add('outer', (task) => void task.add(charge, { card: SECRET }))
    await clock.settle()
    expect(lines).toMatchObject([
      { 'afterglow.task.reason': 'invalid input at card', 'error.type': 'InvalidInputError' },
      { 'afterglow.task.reason': 'invalid input at card' },
      { 'exception.message': 'invalid input at card', 'afterglow.task.outcome': 'failed' },
    ])
    expect(all(lines)).not.toContain(SECRET)
  })

  test('e-mail addresses in it are masked by option', async () => {
    for (const maskEmails of [false, true]) {
      const { tasks, clock, lines } = bench({ telemetry: { maskEmails } })
      tasks.add('mail', failing('no mailbox for ada@example.com'))
      await clock.settle()
      expect(all(lines).includes('ada@example.com')).toBe(!maskEmails)
    }
  })

  test('goes through redact, with its error, on the span and in the line', async () => {
    await using sdk = SDKS['SDK 3']()
    const errors: unknown[] = []
    const { tasks, clock, lines } = bench({
      telemetry: {
        redact: (text, error) => {
          errors.push(error)
          return text.replaceAll('4111', '****')
        },
      },
    })
    const thrown = new Error('card 4111 refused', { cause: new Error('said 4111') })
    tasks.add('charge', () => {
      throw thrown
    })
    tasks.add('quiet', (task) => task.discard('card 4111'))
    await clock.settle()
    expect(lines[0]).toMatchObject({ 'exception.message': 'card **** refused' })
    expect(lines[1]).toMatchObject({ 'afterglow.task.reason': 'card ****' })
    expect(sdk.spans()[0]?.status.message).toBe('card **** refused')
    expect(
      all(
        lines,
        sdk.spans().map(({ attributes }) => attributes),
      ),
    ).not.toContain('4111')
    expect(errors).toEqual(expect.arrayContaining([thrown, thrown.cause, undefined]))
  })

  test.each<[string, (text: string) => unknown]>([
    [
      'throws',
      (text) => {
        throw new Error(`cannot redact ${text}`)
      },
    ],
    ['gives a promise', async (text) => text],
    ['gives nothing', () => undefined],
  ])(
    'leaves as [redacted] where redact %s: nothing leaks, no failure is lost, and it is reported once',
    async (_, redact) => {
      const { tasks, clock, lines, seen } = bench({ telemetry: { redact: redact as (text: string) => string } })
      tasks.add('first', failing(SECRET))
      tasks.add('second', failing(SECRET))
      await clock.settle()
      const failed = lines.filter((line) => line['afterglow.task.outcome'] === 'failed')
      expect(failed).toMatchObject([
        { 'exception.message': '[redacted]', 'exception.stacktrace': '[redacted]', 'error.type': 'Error' },
        { 'exception.message': '[redacted]' },
      ])
      expect(all(lines)).not.toContain(SECRET)
      expect(seen.events).toMatchObject([{ type: 'failure_of_our_own', where: 'telemetry.redact' }])
    },
  )

  test('goes past pino, whose redact paths are honoured', async () => {
    const { lines, logger } = remembering({ redact: ['["exception.message"]', '["afterglow.task.name"]'] })
    const { tasks, clock } = manualTasks({ logger })
    tasks.add('mail', failing('no'))
    await clock.settle()
    expect(lines).toMatchObject([{ 'exception.message': '[Redacted]', 'afterglow.task.name': '[Redacted]' }])
  })

  test('is bounded, reasons too', async () => {
    const { tasks, clock, lines } = bench({})
    tasks.add('wordy', (task) => task.discard('x'.repeat(1_000_000)))
    await clock.settle()
    expect(String(lines[0]?.['afterglow.task.reason'])).toHaveLength(1_024)
  })
})

test.each([
  [{ redcat: () => '' }, "there is no option 'redcat'"],
  [{ redact: 'all' }, 'expected `redact` to be a function, got string'],
  [{ traceWindowMs: -1 }, 'expected `traceWindowMs` to be 0 or more, got -1'],
])('createTasks refuses telemetry options %j', (telemetry, message) => {
  expect(thrownBy(() => createTasks({ logger: false, telemetry: telemetry as never }))).toMatchObject({
    code: 'ERR_AFTERGLOW_INVALID_OPTION',
    message: expect.stringContaining(message),
  })
})
