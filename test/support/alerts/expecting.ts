// What an alert says, held to the letter: by promtool, which fills the templates as Prometheus does.
import { expect, it } from '@jest/globals'
import { testRules, type ExpectedAlert } from '../promtool.ts'
import type { Sampled } from './fleet.ts'
import { fill } from './fill.ts'
import { alertNamed, alertNames } from './rule-files.ts'

export interface Said {
  readonly summary: string
  /** All others that are not given are filled in from the labels. */
  readonly dashboard_url?: string
  readonly promql?: string
  readonly logql?: string
  readonly traceql?: string
}

export interface AlertCase {
  readonly alert: string
  readonly series: readonly Sampled[]
  /** The sample at which it fires, and one before at which it does not. */
  readonly fires: number
  readonly silent?: number
  /** Labels besides severity and, where it is the one of config.ts, the owner. */
  readonly labels: Readonly<Record<string, string>>
  readonly says: Said
  /** What else fires then, and rightly. All others are silent. @default none */
  readonly also?: readonly string[]
  /** How far samples and evaluations are apart. @default 1 */
  readonly minutes?: number
}

export function firing(what: string, one: AlertCase): void {
  it(`${one.alert} ${what}`, async () => {
    expect(await testRules(ruleTestOf(one))).toBe('')
  })
}

export interface Quiet {
  readonly series: readonly Sampled[]
  /** Samples at which it is silent. */
  readonly at: readonly number[]
  /** How far samples and evaluations are apart. @default 1 */
  readonly minutes?: number
  /** What fires at one of them, and rightly. @default none: all others are silent too */
  readonly but?: readonly string[]
}

export function quiet(alert: string, what: string, { series, at, minutes, but = [] }: Quiet): void {
  it(`${alert} ${what}`, async () => {
    expect(await notSilent(series, at, minutes)).toEqual(but)
  })
}

function ruleTestOf({ alert, series, fires, silent, labels, says, also = [], minutes = 1 }: AlertCase) {
  const expected: ExpectedAlert = {
    exp_labels: { ...alertNamed(alert).labels, ...labels },
    exp_annotations: annotationsOf(alert, { ...alertNamed(alert).labels, ...labels }, says),
  }
  const none = (alertname: string, sample: number) => ({ alertname, eval_time: `${sample * minutes}m`, exp_alerts: [] })
  const others = alertNames.filter((name) => name !== alert && !also.includes(name))
  return {
    interval: `${minutes}m`,
    input_series: series.map(inputSeries),
    alert_rule_test: [
      { alertname: alert, eval_time: `${fires * minutes}m`, exp_alerts: [expected] },
      ...(silent === undefined ? [] : [none(alert, silent)]),
      ...others.map((name) => none(name, fires)),
    ],
  }
}

export const inputSeries = ({ name, labels, values }: Sampled) => ({
  series: `${name}{${Object.entries(labels)
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
    .join(',')}}`,
  values: values.map((value) => value ?? '_').join(' '),
})

function annotationsOf(
  alert: string,
  labels: Readonly<Record<string, string>>,
  says: Said,
): Readonly<Record<string, string>> {
  const filled = Object.entries(alertNamed(alert).annotations).map(([name, template]) => [name, fill(template, labels)])
  return { ...(Object.fromEntries(filled) as Record<string, string>), ...says }
}

/** Which alerts fire at one of these samples. */
export async function notSilent(
  series: readonly Sampled[],
  at: readonly number[],
  minutes = 1,
): Promise<readonly string[]> {
  const failures = await testRules({
    interval: `${minutes}m`,
    input_series: series.map(inputSeries),
    alert_rule_test: at.flatMap((sample) =>
      alertNames.map((alertname) => ({ alertname, eval_time: `${sample * minutes}m`, exp_alerts: [] })),
    ),
  })
  const named = [...failures.matchAll(/alertname: (\w+)/g)].map(([, name = '']) => name)
  if (failures !== '' && named.length === 0) throw new Error(failures)
  return [...new Set(named)].toSorted()
}
