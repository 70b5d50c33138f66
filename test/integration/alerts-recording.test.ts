// promtool on the recording rules: what the alerts rest on.
import { expect, it, jest } from '@jest/globals'
import { always, at, between, processSeries, type Sampled } from '../support/alerts/fleet.ts'
import { firing, inputSeries } from '../support/alerts/expecting.ts'
import { BUILD_MS, suiteWith } from '../support/collector.ts'
import { testRules } from '../support/promtool.ts'

jest.setTimeout(BUILD_MS)
const suite = suiteWith(['prometheus'], import.meta.filename)

type Samples = Readonly<Record<string, number>>
/** Of `mail`, by what is recorded. */
const recorded = (series: readonly Sampled[], minute: number, values: Samples): Promise<string> =>
  testRules({
    interval: '1m',
    input_series: series.map(inputSeries),
    promql_expr_test: Object.entries(values).map(([expr, value]) => ({
      expr: `sum(${expr})`,
      eval_time: `${minute}m`,
      exp_samples: [{ labels: '{}', value }],
    })),
  })
const failed = (window: string): string => `afterglow_task:settled:increase${window}{afterglow_task_outcome="failed"}`
const shop = (ends: (minute: number) => number, more: { from?: number; to?: number; instance?: string } = {}) =>
  processSeries({ instance: 'a', tasks: { mail: { ends: { failed: ends } } }, ...more }, 120)

suite('what is recorded', () => {
  it('counts whole numbers, wherever in its window a failure lies', async () => {
    const series = shop(between(30, 33, 1))
    expect(await recorded(series, 32, { [failed('5m')]: 3, [failed('1h')]: 3 })).toBe('')
    expect(await recorded(series, 36, { [failed('5m')]: 1, [failed('1h')]: 3 })).toBe('')
    expect(await recorded(series, 91, { [failed('5m')]: 0, [failed('1h')]: 1 })).toBe('')
  })

  it('counts a process that began and ended within a window', async () => {
    const series = [...shop(at(30, 2), { from: 30, to: 31 }), ...shop(at(40), { from: 35, instance: 'b' })]
    expect(await recorded(series, 60, { [failed('1h')]: 3 })).toBe('')
  })

  it('counts on where a process of the same name starts anew', async () => {
    const [before, after] = [shop(at(10, 5), { to: 40 }), shop(at(50, 2), { from: 41 })]
    const series = before.map((one, index) => ({
      ...one,
      values: one.values.map((value, minute) => value ?? after[index]?.values[minute]),
    }))
    // Here Prometheus' own `increase()` speaks, which guesses at the edges.
    expect(await recorded(series, 60, { [`floor(${failed('1h')} / 7)`]: 1 })).toBe('')
  })

  it('invents nothing after a pipeline stood still for half an hour', async () => {
    const series = shop(at(5, 4)).map((one) => ({
      ...one,
      values: one.values.map((value, minute) => (minute > 30 && minute < 60 ? undefined : value)),
    }))
    expect(await recorded(series, 62, { [failed('5m')]: 0 })).toBe('')
  })

  it('sums long windows from short ones', async () => {
    expect(await recorded(shop(always(2)), 115, { [failed('30m')]: 60, [failed('6h')]: 232 })).toBe('')
  })

  it('reads objective and timeout of a task from what its definition says, and has a default', async () => {
    const tasks = { mail: { slo: 0.995, timeout: 2.5 }, search: { timeout: 'none' as const } }
    const series = processSeries({ instance: 'a', tasks }, 20)
    const of = (record: string, task: string) => `${record}{afterglow_task_name="${task}"}`
    expect(
      await recorded(series, 15, {
        [of('afterglow_task:slo:ratio', 'mail')]: 0.995,
        [of('afterglow_task:slo:ratio', 'search')]: 0.99,
        [of('afterglow_task:timeout:seconds', 'mail')]: 2.5,
      }),
    ).toBe('')
  })

  // What is joined with must be one: Prometheus would refuse to evaluate the alert.
  firing('goes on firing while a deploy changes owner and objective', {
    alert: 'AfterglowBudgetBurnFast',
    series: [
      ...processSeries(
        { instance: 'a', to: 45, tasks: { mail: { owner: 'growth', slo: 0.9, ends: { failed: always(2) } } } },
        60,
      ),
      ...processSeries(
        { instance: 'b', from: 40, tasks: { mail: { owner: 'mail', slo: 0.99, ends: { failed: always(2) } } } },
        60,
      ),
    ],
    fires: 50,
    labels: { job: 'shop', afterglow_task_name: 'mail', owner: 'growth' },
    says: {
      summary: 'mail of shop failed in 100% of its runs within 1h: more than 14.4 times what its objective allows',
    },
  })
})
