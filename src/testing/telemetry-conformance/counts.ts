import assert from 'node:assert/strict'
import * as names from '../../telemetry/names.ts'
import type { Bench } from './bench.ts'
import { FAILED, type OutcomeCase } from './outcomes.ts'

/** `isStored`: by a durable engine, so that each time it was fetched, and that it was handed over, has its own end. */
export async function checkCounts(bench: Bench, spans: OutcomeCase['spans'], isStored: boolean): Promise<void> {
  const added = (await bench.added()).filter(({ attributes }) => attributes[names.TASK_NAME] === 'judged')
  const sum = (metric: string, attributes: Readonly<Record<string, unknown>> = {}) =>
    added
      .filter((one) => one.metric === metric)
      .filter((one) => Object.entries(attributes).every(([name, value]) => one.attributes[name] === value))
      .reduce((all, { value }) => all + value, 0)
  const [, outcome, errorType] = spans.at(-1) ?? []
  const fetched = isStored ? spans.length : 0
  assert.equal(sum(names.SUBMISSIONS.name, { [names.SUBMISSION_RESULT]: 'accepted' }), 1, 'accepted once')
  assert.equal(sum(names.SUBMISSIONS.name), 1 + fetched, 'submissions')
  assert.equal(sum(names.SETTLED.name), 1 + fetched, 'settled as often')
  // What a drain interrupts goes back to its store, and is handed over.
  const givenBack = isStored && outcome === 'interrupted'
  assert.equal(sum(names.SETTLED.name, { [names.TASK_OUTCOME]: outcome }), givenBack ? 0 : 1, `settled as ${outcome}`)
  assert.equal(sum(names.RETRIES.name), spans.length - 1, 'retries')
  const handled = outcome === 'completed' && errorType !== undefined
  assert.equal(sum(names.HANDLED_ERRORS.name), handled ? 1 : 0, 'handled errors')
  const failed = FAILED.includes(outcome) && !givenBack
  assert.equal(sum(names.FAILURES.name), failed ? 1 : 0, 'failures')
  if (failed) assert.equal(sum(names.FAILURES.name, { [names.ERROR_TYPE]: errorType }), 1, `a failure by ${errorType}`)
  for (const [attempt, ended, type] of spans) {
    if (attempt === 0) continue
    const one = { [names.TASK_OUTCOME]: ended, ...(type !== undefined && { [names.ERROR_TYPE]: type }) }
    assert.equal(sum(names.RUN_DURATION.name, one), 1, `one run that ${ended}`)
  }
  const ran = spans.filter(([attempt]) => attempt > 0).length
  assert.equal(sum(names.RUN_DURATION.name), ran, 'one run duration per attempt')
  assert.equal(sum(names.WAIT_DURATION.name), ran, 'one wait duration per attempt')
  await checkLedger(bench)
}

/** In each collection: what was accepted equals what ended plus what is in flight. */
export async function checkLedger(bench: Bench): Promise<void> {
  const metrics = await bench.metrics()
  const sum = (metric: string, fits: (result: unknown) => boolean = () => true) =>
    metrics
      .filter(({ descriptor }) => descriptor.name === metric)
      .flatMap(({ dataPoints }) => dataPoints)
      .filter(({ attributes }) => fits(attributes[names.SUBMISSION_RESULT]))
      .reduce((all, { value }) => all + Number(value), 0)
  const entered = sum(names.SUBMISSIONS.name, (result) => result === 'accepted' || result === 'fetched')
  assert.equal(entered, sum(names.SETTLED.name) + sum(names.COUNT.name), 'the ledger balances')
}

interface Added {
  readonly metric: string
  /** Of the values of which attribute; all series together if there is none. */
  readonly by?: string
}

/** What was added to one metric since the case began, where that is not nothing. Without an SDK there is nothing to see. */
export async function checkAdded(bench: Bench, { metric, by }: Added, expected: object): Promise<void> {
  if (!bench.hasSdk) return
  const added = (await bench.added()).filter((one) => one.metric === metric && one.value !== 0)
  const seen = Object.fromEntries(added.map(({ attributes, value }) => [by ? String(attributes[by]) : 'all', value]))
  assert.deepEqual(seen, expected, `what was added to ${metric}`)
}
