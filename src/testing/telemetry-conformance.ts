import type { Limits } from '../core/options.ts'
import { Bench, type TelemetrySubject } from './telemetry-conformance/bench.ts'
import * as checks from './telemetry-conformance/checks.ts'
import { OUTCOME_CASES } from './telemetry-conformance/outcomes.ts'

export type {
  Collected,
  ExportedSpan,
  JudgedSdk,
  JudgedTasks,
  TelemetrySubject,
} from './telemetry-conformance/bench.ts'
export interface TelemetryCase {
  readonly name: string
  /** Rejects when the contract is broken. */
  run(): Promise<void>
}

/**
 * The telemetry contract, as cases for any runner of tests, engine and SDK:
 * `for (const { name, run } of telemetryConformance({ startSdk, makeTasks, serve })) test(name, run)`.
 * In each case whatever is exported is held to the registry from which docs/telemetry.md is made.
 */
export function telemetryConformance(subject: TelemetrySubject): readonly TelemetryCase[] {
  const cases: readonly Case[] = [
    ...OUTCOME_CASES.filter(({ durable }) => !(subject.durable && durable === false)).map(
      (one) => [`a task that ${one.name}`, (bench: Bench) => checks.leavesWhatItShould(bench, one)] as const,
    ),
    ...OTHER_CASES,
    ...(subject.startSdk ? SDK_CASES : []),
    ...(subject.startSdk && subject.serve ? REQUEST_CASES : []),
  ]
  return cases.map(([name, check, limits]) => ({
    name,
    run: async () => {
      const bench = new Bench(subject, limits)
      await check(bench).finally(() => bench.close())
    },
  }))
}

type Case = readonly [name: string, check: (bench: Bench) => Promise<void>, limits?: Limits]

const OTHER_CASES: readonly Case[] = [
  ['a task that is rejected is counted and logged, and has no span', checks.rejects],
  ['a task that blocks the event loop is named', checks.blocks, { blockWarnMs: 20 }],
  ['an observer that fails is reported as itself', checks.reportsItsOwnFailures],
  ['a drain is logged and timed', checks.drains],
  ['inputs and results are never exported', checks.keepsSecrets],
]
const SDK_CASES: readonly Case[] = [
  ['the ledger balances while tasks are on their way', checks.balancesOnTheWay],
  ['every outcome of a known task has a series', checks.bornAtZero],
]
const REQUEST_CASES: readonly Case[] = [
  ['a task and its request carry the facts of each other', checks.belongsToItsRequest],
]
