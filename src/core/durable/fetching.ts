import { runNeutral, type Clock } from '../clock.ts'
import type { Ended, Engine, Ending, Envelope, RunTask } from '../engine.ts'
import { EngineError, GaveUpError, toError } from '../errors.ts'
import type { SubmissionResult } from '../observer.ts'
import type { Observers } from '../observers.ts'
import { parseInput } from '../parse-input.ts'
import type { RegisteredTask, Registry } from '../registry.ts'
import type { DurableSubmission, Submission } from '../submission.ts'
import type { Outcome } from '../task.ts'
import { read } from '../text.ts'
import { deathNote, type Describe } from './dead.ts'
import { isReadable, nextEnvelope, submissionFrom } from './envelopes.ts'

/** What working off a store needs of the flow. */
export interface FetchingHost {
  readonly clock: Clock
  readonly parts: {
    readonly limits: { readonly maxLostClaims: number }
    readonly registry: Pick<Registry, 'get'>
    readonly describe: Describe
  }
  readonly observers: Observers
  /** Labels that engines do not start. */
  readonly lanes: { readonly closed: Set<string> }
  enterStored(submission: Submission, result: SubmissionResult): void
  settle(submission: Submission, outcome: Outcome): void
}

/** For so long nobody is asked again for what is not known here: another process may know it, or this one's next version. */
const RETURNED_MS = 5_000

/** The working side of durable engines: from the envelope that came out of a store to the attempt, and back. */
export class Fetching {
  readonly #host: FetchingHost
  readonly #run: RunTask
  readonly #reported = new Set<string>()

  constructor(host: FetchingHost, run: RunTask) {
    this.#host = host
    this.#run = run
  }

  /** What this engine is given for `EngineHost.run`. Whoever calls it, the task runs in nobody's async context. */
  runFor(engine: Engine): RunTask {
    return (envelope, ended, lostClaims = 0) => runNeutral(() => this.#fetched(engine, envelope, { ended, lostClaims }))
  }

  #fetched(engine: Engine, envelope: Envelope, { ended, lostClaims }: Claim): void {
    const task = this.#taskOf(engine, envelope)
    if (typeof task === 'string') return ended(envelope, { outcome: 'returned', reason: task, afterMs: RETURNED_MS })
    const end: Ended = (_submission, ending) => this.#ended(envelope, ending, { submission, ended })
    const submission = this.#submissionOf(engine, envelope, task)
    submission.lostClaims = lostClaims
    this.#host.enterStored(submission, 'fetched')
    const refused = this.#refusal(submission, envelope)
    if (!refused) return this.#run(submission, end)
    this.#host.settle(submission, refused)
    end(submission, refused)
  }

  /** The task it is of, or why it cannot run here. */
  #taskOf(engine: Engine, envelope: Envelope): RegisteredTask | string {
    if (!isReadable(envelope))
      return this.#returned(engine, read(envelope.record, 'name') || '?', 'another version of koa-afterglow stored it')
    const { name, label } = envelope.record
    const task = this.#host.parts.registry.get(name)
    if (task?.definition) return task
    // From now on the engine leaves them to others, until a task of that name is known here.
    this.#host.lanes.closed.add(label)
    return this.#returned(engine, name, 'no task of that name is known in this process; register it')
  }

  /** Once per name: there may be thousands of them. */
  #returned({ name: engine }: Engine, name: string, reason: string): string {
    if (!this.#reported.has(name)) this.#host.observers.event({ type: 'unknown_task', engine, name, reason })
    this.#reported.add(name)
    return reason
  }

  #submissionOf(engine: Engine, envelope: Envelope, task: RegisteredTask): DurableSubmission {
    const by = { clock: this.#host.clock, engine: engine.name }
    try {
      return submissionFrom(envelope, task, by)
    } catch (thrown) {
      // Stored by a version that knew other settings: what this one's definition says holds.
      this.#host.observers.failure(`engine '${engine.name}'`, thrown)
      return submissionFrom({ ...envelope, record: { ...envelope.record, override: undefined } }, task, by)
    }
  }

  /** Why it does not run, though it is a task of this process; it is dead then, and kept. */
  #refusal(submission: DurableSubmission, envelope: Envelope): Outcome | undefined {
    const attempts = envelope.attempt
    const { maxLostClaims } = this.#host.parts.limits
    const { lostClaims } = submission
    if (lostClaims > maxLostClaims) {
      const reason = `its worker was lost ${lostClaims} times while it ran it (limits.maxLostClaims)`
      return { outcome: 'failed', error: new GaveUpError(reason), reason, attempts }
    }
    const { task } = submission
    try {
      submission.input = task.schema ? parseInput(task.schema, envelope.input, task.name) : envelope.input
      task.check?.(submission.input)
      return undefined
    } catch (thrown) {
      const reason = 'what was stored as its input no longer fits'
      return { outcome: 'failed', error: toError(thrown), reason, attempts: attempts - 1 }
    }
  }

  #ended(envelope: Envelope, ending: Ending, { submission, ended }: Running): void {
    const { clock, parts, observers } = this.#host
    const now = clock.origin + clock.now()
    try {
      if (ending.outcome === 'retried') return ended(nextEnvelope(envelope, submission, now + ending.afterMs), ending)
      const note = deathNote(ending, now, parts.describe)
      if (note) ended(envelope, ending, note)
      else ended(envelope, ending)
    } catch (thrown) {
      const error = new EngineError(`engine '${submission.engine}' failed to acknowledge`, { cause: thrown })
      observers.failure(`engine '${submission.engine}'`, error, submission)
    }
  }
}

interface Claim {
  readonly ended: Ended
  readonly lostClaims: number
}
interface Running {
  readonly submission: Submission
  readonly ended: Ended
}
