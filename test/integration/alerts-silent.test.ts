// promtool on the shipped rules: what must wake nobody. One run of promtool per situation, one test per alert in it.
import { describe, expect, it, jest } from '@jest/globals'
import { always, at, between, foreignSeries, processSeries, type Sampled } from '../support/alerts/fleet.ts'
import { notSilent } from '../support/alerts/expecting.ts'
import { alertNames } from '../support/alerts/rule-files.ts'
import { BUILD_MS, suiteWith } from '../support/collector.ts'

jest.setTimeout(BUILD_MS)
const suite = suiteWith(['prometheus'], import.meta.filename)

const MINUTES = 120
const collector = { job: 'otel-collector', instance: 'c:8888' }
const pipeline: readonly Sampled[] = [
  foreignSeries('up', collector, { minutes: MINUTES, valueAt: always(1) }),
  ...['send_failed_spans_total', 'enqueue_failed_spans_total', 'queue_size'].map((name) =>
    foreignSeries(
      `otelcol_exporter_${name}`,
      { ...collector, exporter: 'otlp_http/traces' },
      { minutes: MINUTES, valueAt: always(0) },
    ),
  ),
  foreignSeries(
    'otelcol_exporter_queue_capacity',
    { ...collector, exporter: 'otlp_http/traces' },
    { minutes: MINUTES, valueAt: always(100_000) },
  ),
]
const idle = { mail: {}, search: { slo: 0.999, owner: 'growth' } }
const busy = {
  mail: { ends: { completed: always(10), discarded: always(1) } },
  search: { ends: { completed: always(2) } },
}

/** By what happens; what rightly fires then. */
const situations: Readonly<
  Record<string, { readonly series: readonly Sampled[]; readonly fires?: readonly string[] }>
> = {
  'nothing happens': { series: processSeries({ instance: 'a', tasks: idle }, MINUTES) },
  'a process has just started': { series: processSeries({ instance: 'a', from: 55, tasks: idle }, MINUTES) },
  'all is well and busy': {
    series: processSeries(
      {
        instance: 'a',
        tasks: busy,
        inFlight: { running: (minute) => minute % 20, queued: (minute) => minute % 3 },
        waits: always(2),
      },
      MINUTES,
    ),
  },
  'one run of many fails': {
    series: processSeries(
      { instance: 'a', tasks: { mail: { ends: { completed: always(10), failed: at(60) } } } },
      MINUTES,
    ),
  },
  'one run of a task with a strict objective fails': {
    series: processSeries(
      { instance: 'a', tasks: { mail: { slo: 0.9999, ends: { completed: always(1), failed: at(60) } } } },
      MINUTES,
    ),
  },
  // The one that is there for it; it is `info`, and wakes nobody.
  'the only run fails': {
    series: processSeries({ instance: 'a', tasks: { mail: { ends: { failed: at(60) } } } }, MINUTES),
    fires: ['AfterglowTaskFailedRarely'],
  },
  'a deploy replaces all instances': {
    series: ['a', 'b'].flatMap((name, index) => [
      ...processSeries(
        {
          instance: name,
          to: 60 + index,
          tasks: busy,
          inFlight: { running: (minute) => (minute < 60 + index ? 3 : 0) },
        },
        MINUTES,
      ),
      ...processSeries(
        { instance: `${name}2`, from: 58 + index, tasks: busy, inFlight: { running: always(3) } },
        MINUTES,
      ),
    ]),
  },
  'a process of the same name starts anew': {
    series: [
      ...processSeries({ instance: 'a', to: 60, tasks: busy }, MINUTES),
      ...processSeries({ instance: 'a', from: 61, tasks: busy }, MINUTES),
    ].reduce<Sampled[]>(joined, []),
  },
  'what is added is late for a moment': {
    series: processSeries(
      { instance: 'a', tasks: busy, inFlight: { queued: between(60, 65, 400) }, waits: between(60, 65, 90) },
      MINUTES,
    ),
  },
  'the pipeline stands still for nine minutes': {
    series: processSeries({ instance: 'a', tasks: busy, inFlight: { running: always(3) } }, MINUTES).map((one) => ({
      ...one,
      values: one.values.map((value, minute) => (minute > 61 && minute < 71 ? undefined : value)),
    })),
  },
}

suite('in peace', () => {
  describe.each(Object.keys(situations))('when %s', (situation) => {
    let silent: Promise<readonly string[]> | undefined
    const { series = [], fires = [] } = situations[situation] ?? {}
    const minutes = [1, 30, 55, ...Array.from({ length: 24 }, (_, n) => 58 + n), 90, 119]
    const ask = () => (silent ??= notSilent([...series, ...pipeline], minutes))

    it.each(alertNames.filter((name) => !fires.includes(name)))('%s is silent', async (name) => {
      expect(await ask()).not.toContain(name)
    })
    if (fires.length > 0)
      it.each(fires)('%s says so', async (name) => {
        expect(await ask()).toContain(name)
      })
  })
})

/** One series where two processes have the same labels. */
function joined(all: Sampled[], one: Sampled): Sampled[] {
  const same = all.findIndex(
    ({ name, labels }) => name === one.name && JSON.stringify(labels) === JSON.stringify(one.labels),
  )
  if (same < 0) return [...all, one]
  const values = one.values.map((value, minute) => value ?? all[same]?.values[minute])
  return all.with(same, { ...one, values })
}
