import { toError } from './errors.ts'
import { messageOf } from './text.ts'
import type { GateFacts, NotStored, RunnerEvent, Sending, SubmissionResult, TaskObserver } from './observer.ts'
import type { AttemptOutcome, Outcome, RequestFacts, TaskContext, TaskRecord } from './task.ts'

type With<K extends keyof TaskObserver> = TaskObserver & Required<Pick<TaskObserver, K>>
/** An attempt whose outcome observers may wait for; the promise is made for the first that does. */
interface Observed extends TaskContext {
  whenOutcome(): Promise<AttemptOutcome>
}

/** Tells every observer, each guarded by itself: what one throws is reported as its own and keeps nobody from the rest. */
export class Observers {
  readonly #submitted: readonly With<'submitted'>[]
  readonly #adding: readonly With<'adding'>[]
  readonly #send: readonly With<'send'>[]
  readonly #gate: readonly With<'gate'>[]
  readonly #firstStart: readonly With<'firstStart'>[]
  readonly #attempt: readonly With<'attempt'>[]
  readonly #attempted: readonly With<'attempted'>[]
  readonly #settled: readonly With<'settled'>[]
  readonly #event: readonly With<'event'>[]
  readonly #said: (error: Error) => string

  constructor(observers: readonly TaskObserver[], said: (error: Error) => string = messageOf) {
    this.#said = said
    const having = <K extends keyof TaskObserver>(hook: K) =>
      observers.filter((one): one is With<K> => typeof one[hook] === 'function')
    this.#submitted = having('submitted')
    this.#adding = having('adding')
    this.#send = having('send')
    this.#gate = having('gate')
    this.#firstStart = having('firstStart')
    this.#attempt = having('attempt')
    this.#attempted = having('attempted')
    this.#settled = having('settled')
    this.#event = having('event')
  }

  submitted(record: TaskRecord, result: SubmissionResult, error?: Error): void {
    for (const one of this.#submitted)
      try {
        this.#settles(one, 'submitted', one.submitted(record, result, error))
      } catch (thrown) {
        this.#failed(one, 'submitted', thrown)
      }
  }

  adding(record: TaskRecord): void {
    for (const one of this.#adding)
      try {
        this.#settles(one, 'adding', one.adding(record))
      } catch (thrown) {
        this.#failed(one, 'adding', thrown)
      }
  }

  /** `store` inside every observer's `send`; they see what became of it and cannot hold back, repeat or change it. */
  send(sending: Sending, store: () => Promise<NotStored>): Promise<NotStored> {
    const ring = this.#send.reduceRight<() => Promise<NotStored>>(
      (inner, observer) => () => {
        let stored: Promise<NotStored> | undefined
        const next = () => (stored ??= inner())
        try {
          this.#settles(observer, 'send', observer.send(sending, next))
        } catch (thrown) {
          this.#failed(observer, 'send', thrown)
        }
        return next()
      },
      store,
    )
    return ring()
  }

  gate(facts: GateFacts): void {
    for (const one of this.#gate)
      try {
        this.#settles(one, 'gate', one.gate(facts))
      } catch (thrown) {
        this.#failed(one, 'gate', thrown)
      }
  }

  firstStart(request: RequestFacts, gapMs: number): void {
    for (const one of this.#firstStart)
      try {
        this.#settles(one, 'firstStart', one.firstStart(request, gapMs))
      } catch (thrown) {
        this.#failed(one, 'firstStart', thrown)
      }
  }

  attempted(task: TaskContext, outcome: AttemptOutcome, runMs: number): void {
    for (const one of this.#attempted)
      try {
        this.#settles(one, 'attempted', one.attempted(task, outcome, runMs))
      } catch (thrown) {
        this.#failed(one, 'attempted', thrown)
      }
  }

  settled(record: TaskRecord, outcome: Outcome, byAttempt: boolean): void {
    for (const one of this.#settled)
      try {
        this.#settles(one, 'settled', one.settled(record, outcome, byAttempt))
      } catch (thrown) {
        this.#failed(one, 'settled', thrown)
      }
  }

  event(event: RunnerEvent): void {
    for (const one of this.#event)
      try {
        one.event(event)
      } catch (thrown) {
        // Not an event again: the observer that fails at events would be asked once more.
        this.#warn(`observer '${one.name}' event`, toError(thrown))
      }
  }

  /** Something of this library's or of an observer's failed; it belongs to no task. */
  failure(where: string, thrown: unknown, record?: TaskRecord): void {
    const error = toError(thrown)
    if (this.#event.length === 0) this.#warn(where, error)
    this.event({ type: 'failure_of_our_own', where, error, ...(record && { record }) })
  }

  /** `settle` inside every observer's `attempt`. Observers see its outcome and cannot hold back, repeat or change it. */
  round<A extends Observed>(settle: (attempt: A) => void): (attempt: A) => void {
    return this.#attempt.reduceRight((inner, observer) => this.#guard(observer, inner), settle)
  }

  #guard<A extends Observed>(observer: With<'attempt'>, inner: (attempt: A) => void): (attempt: A) => void {
    return (attempt) => {
      let entered = false
      let outcome: Promise<AttemptOutcome> | undefined
      const next = () => {
        // Asked for before it is known: whoever waits for it is told before the task counts as ended.
        outcome = attempt.whenOutcome()
        if (!entered) {
          entered = true
          inner(attempt)
        }
        return outcome
      }
      try {
        const seen = observer.attempt(attempt, next)
        // An async observer gives a promise of its own; the attempt does not wait for it, but its failure must not float.
        if (seen !== outcome) seen?.then(undefined, (thrown: unknown) => this.#failed(observer, 'attempt', thrown))
      } catch (thrown) {
        this.#failed(observer, 'attempt', thrown)
      }
      if (!entered) inner(attempt)
    }
  }

  /** These hooks give nothing back; an async one gives a promise all the same, which must not float. */
  #settles(observer: TaskObserver, hook: string, returned: unknown): void {
    if (returned === undefined) return
    Promise.resolve(returned).catch((thrown: unknown) => this.#failed(observer, hook, thrown))
  }

  /** The last resort, when nobody is left to tell. By text: `emitWarning` refuses errors of another realm. */
  #warn(where: string, error: Error): void {
    process.emitWarning(`koa-afterglow: ${where} failed: ${this.#said(error)}`)
  }

  #failed(observer: TaskObserver, hook: string, thrown: unknown): void {
    this.failure(`observer '${observer.name}' ${hook}`, thrown)
  }
}
