// promtool, which comes with Prometheus: unit tests of rules, and blocks for its database made from text.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'
import { groups, ruleFiles } from './alerts/rule-files.ts'
import { binaryOf, run } from './collector.ts'

let path: Promise<string> | undefined
const promtoolPath = (): Promise<string> =>
  (path ??= binaryOf('prometheus').then((binary) => join(dirname(binary), 'promtool')))

/** Resolves with what it printed; its exit code is 0. */
export async function promtool(...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(await promtoolPath(), args)
  if (exitCode !== 0) throw new Error(`promtool ${args.slice(0, 3).join(' ')} said:\n${stdout}${stderr}`)
  return stdout
}

export interface ExpectedAlert {
  readonly exp_labels: Readonly<Record<string, string>>
  readonly exp_annotations: Readonly<Record<string, string>>
}

export interface RuleTest {
  readonly interval: string
  readonly input_series: readonly { readonly series: string; readonly values: string }[]
  readonly alert_rule_test?: readonly {
    readonly alertname: string
    readonly eval_time: string
    readonly exp_alerts: readonly ExpectedAlert[]
  }[]
  readonly promql_expr_test?: readonly object[]
}

/** What promtool has to say of the shipped rules over these series: empty if all is as expected. */
export async function testRules(test: RuleTest): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'afterglow-rules-'))
  const file = join(folder, 'test.yaml')
  try {
    const whole = {
      rule_files: ruleFiles,
      evaluation_interval: test.interval,
      // Else at random: what is recorded in this minute might be seen in the next.
      group_eval_order: groups,
      tests: [test],
    }
    await writeFile(file, stringify(whole, { aliasDuplicateObjects: false }))
    const { exitCode, stdout, stderr } = await run(await promtoolPath(), ['test', 'rules', file])
    return exitCode === 0 ? '' : `${stdout}${stderr}`
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
