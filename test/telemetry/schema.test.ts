import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import * as names from '../../src/telemetry/names.ts'
import { METRICS as INSTRUMENTS } from '../../src/telemetry/names/registry.ts'
import { everyOutcome } from '../support/every-outcome.ts'
import { remembering, SDK_NAMES, SDKS } from '../support/telemetry.ts'

const NAMES = new Set(Object.values(names).filter((one) => typeof one === 'string'))
const EVENTS: ReadonlySet<string> = new Set([...Object.values(names.LOG_EVENTS), 'exception'])
const METRICS: ReadonlySet<string> = new Set(INSTRUMENTS.map(({ name }) => name))
/** pino's own. */
const OF_PINO = new Set(['level', 'msg'])

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

const unknownIn = (keys: Iterable<string>, known: ReadonlySet<string>): readonly string[] =>
  [...new Set(keys)].filter((key) => !known.has(key))

describe.each(SDK_NAMES)('with %s', (sdkName) => {
  beforeEach(() => void (process.env['OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN'] = 'logs/dup'))
  afterEach(() => void delete process.env['OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN'])

  test('nothing leaves that names.ts does not name: spans, events, links, metrics, lines', async () => {
    await using sdk = SDKS[sdkName]()
    const { lines, logger } = remembering()
    await everyOutcome('no', { logger, telemetry: { addLocation: true } })
    const spans = sdk.spans()
    const points = await sdk.points()
    const events = spans.flatMap((span) => span.events)
    const attributes = [spans, events, spans.flatMap(({ links }) => links), points].flat().map((one) => one.attributes)
    expect(
      unknownIn(
        attributes.flatMap((one) => Object.keys(one ?? {})),
        NAMES,
      ),
    ).toEqual([])
    expect(
      unknownIn(
        events.map(({ name }) => name),
        EVENTS,
      ),
    ).toEqual([])
    expect(
      unknownIn(
        points.map(({ name }) => name),
        METRICS,
      ),
    ).toEqual([])
    expect(
      unknownIn(
        lines.flatMap((line) => Object.keys(line)),
        new Set([...NAMES, ...OF_PINO]),
      ),
    ).toEqual([])
    expect(
      unknownIn(
        lines.map((line) => text(line[names.EVENT_NAME])),
        EVENTS,
      ),
    ).toEqual([])
    // And it was everything: a run in which half of it did not happen would prove nothing.
    expect(spans.map(({ name }) => name)).toContain(names.DRAIN_SPAN_NAME)
    expect(events.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['exception', names.LOG_EVENTS.blocked, names.LOG_EVENTS.stray_error]),
    )
  })

  test('error.type is the same on span, metric and line, for every way that an attempt ends', async () => {
    await using sdk = SDKS[sdkName]()
    const { lines, logger } = remembering()
    await everyOutcome('no', { logger })
    const byTask = (all: readonly Record<string, unknown>[]) => {
      const ended = all.filter((one) => names.TASK_OUTCOME in one)
      return Object.fromEntries(
        ended.map((one) => [`${text(one[names.TASK_NAME])} ${text(one[names.TASK_OUTCOME])}`, one[names.ERROR_TYPE]]),
      )
    }
    const onSpans = byTask(sdk.spans().map(({ attributes }) => attributes))
    expect(byTask(lines)).toEqual(onSpans)
    const runs = (await sdk.points()).filter(({ name }) => name === names.RUN_DURATION.name)
    const onMetrics = byTask(runs.map(({ attributes }) => attributes))
    expect(onSpans).toMatchObject(onMetrics)
    expect(onSpans).toMatchObject({
      'completed completed': undefined,
      'swallowed completed': 'TypeError',
      'failed failed': 'AggregateError',
      'retried retried': 'RangeError',
      'asked retried': undefined,
      'deaf timed_out': 'TimeoutError',
      'expected discarded': undefined,
      'cancelled cancelled': undefined,
      'skipped skipped': undefined,
      'dropped dropped': 'dropped',
      'late interrupted': 'interrupted',
      'running interrupted': 'interrupted',
    })
  })
})
