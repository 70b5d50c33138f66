import type { Clock } from './clock.ts'
import { dependenciesOf } from './dependencies.ts'
import { plainInput } from './durable/plain-input.ts'
import { refuseAdd } from './durable/refusals.ts'
import { isAsDurable, type Engine } from './engine.ts'
import type { Run } from './executor.ts'
import {
  InvalidOptionError,
  NotATaskError,
  TasksClosedError,
  TasksOverloadedError,
  TasksTooDeepError,
  toError,
  type AfterglowError,
} from './errors.ts'
import type { Lanes } from './lanes.ts'
import { ownAddOptions, resolveSettings, type Limits } from './options.ts'
import { pendingOf } from './ledger.ts'
import { parseInput } from './parse-input.ts'
import { isDefinition, type RegisteredTask, type Registry } from './registry.ts'
import { DurableSubmission, Submission, type Origin } from './submission.ts'
import { Handle, type HandleOwner } from './task-handle.ts'
import type { SubmissionResult } from './observer.ts'
import type { AddOptions, TaskHandle, TaskSettings } from './task.ts'
import { describe, get, read } from './text.ts'

/** What submitting needs of the runner. */
export interface SubmitHost extends HandleOwner {
  readonly clock: Clock
  readonly registry: Registry
  readonly limits: Required<Limits>
  readonly inFlight: number
  readonly flow: { readonly lanes: Pick<Lanes, 'waiting'> }
  /** Whether the runner takes tasks from this origin: always until it closes, then only from and after what it still serves. */
  takes(origin: Origin, dependencies: readonly Submission[]): boolean
  engineOf(name: string, where: string): Engine
  /** The one with the same key that waits to start, if there is one. */
  pendingLike(submission: Submission): Submission | undefined
  /** `submission` asks for the same as `pending`, and is counted as its duplicate. */
  fold(submission: Submission, pending: Submission): void
  accept(submission: Submission, dependencies: readonly Submission[]): void
  /** Accepts it once its durable engine has stored it. */
  keep(submission: Submission): void
  count(submission: Submission, result: SubmissionResult, error?: Error): void
}

interface Wanted {
  readonly task: RegisteredTask
  readonly name: string
  readonly run: Run | undefined
  readonly input: unknown
  readonly options: AddOptions | undefined
}

/**
 * `add()`: read the arguments, validate the input, accept or refuse. What the caller did wrong is thrown to the caller,
 * before the response, and nothing is left behind.
 */
export function submitTask(host: SubmitHost, origin: Origin, args: readonly unknown[]): TaskHandle {
  const wanted = wantedBy(host.registry, args)
  const { task, name } = wanted
  let { options } = wanted
  let settings = task.settings
  let dependencies: readonly Submission[] = []
  if (options) {
    const where = `add('${name}')`
    options = ownAddOptions(options, where)
    refuseTaskWide(options.override, where)
    settings = resolveSettings(settings, options.override, `${where} override`)
    dependencies = dependenciesOf(options, host, where)
  }
  const engine = host.engineOf(settings.engine, name)
  const { durable } = engine.capabilities
  const asDurable = isAsDurable(engine)
  if (asDurable || options) {
    const afterStored = dependencies.find((one) => isAsDurable(host.engineOf(one.settings.engine, name)))
    refuseAdd({ engine, task, settings, options, afterStored }, `add('${name}')`)
  }
  const now = host.clock.now()
  const Kind = durable ? DurableSubmission : Submission
  const submission = new Kind({ task, name, origin, engine: engine.name, settings, now, options })
  const pending = options?.key === undefined ? undefined : host.pendingLike(submission)
  // A duplicate is no further task, so that limits on how many there are say nothing about it.
  const refusal = refuse(host, submission, dependencies) ?? (pending ? undefined : tooMany(host, submission))
  if (refusal) return reject(host, submission, refusal)
  try {
    submission.input = inputFor(task, wanted.input)
    // Stored is what was given: whoever runs it parses it again.
    if (asDurable) {
      const plain = plainInput(wanted.input, host.limits.maxInputBytes, name)
      submission.input = durable ? plain : inputFor(task, plain)
    }
  } catch (thrown) {
    return reject(host, submission, toError(thrown))
  }
  submission.run = wanted.run
  if (pending) {
    host.fold(submission, pending)
    return new Handle(pending, host, { duplicate: true })
  }
  if (durable) host.keep(submission)
  else host.accept(submission, dependencies)
  return new Handle(submission, host)
}

/** What the handler gets. @throws InvalidInputError */
function inputFor(task: RegisteredTask, given: unknown): unknown {
  const input = task.schema ? parseInput(task.schema, given, task.name) : given
  task.check?.(input)
  return input
}

/** A bulkhead is of all submissions of a task: one of them cannot have another. */
function refuseTaskWide(override: TaskSettings | undefined, where: string): void {
  if (override?.concurrency !== undefined || override?.rateLimit !== undefined || override?.maxPending !== undefined)
    throw new InvalidOptionError(
      `${where} override: \`concurrency\`, \`maxPending\` and \`rateLimit\` belong to the task`,
    )
}

function refuse(
  host: SubmitHost,
  { origin, name }: Submission,
  dependencies: readonly Submission[],
): AfterglowError | undefined {
  const { maxDepth } = host.limits
  const { depth } = origin
  if (!host.takes(origin, dependencies))
    return new TasksClosedError(
      `task '${name}': the runner is closed, and no request or task it still serves adds this`,
    )
  if (depth > maxDepth)
    return new TasksTooDeepError(`task '${name}' would be ${depth} tasks deep; limits.maxDepth is ${maxDepth}`)
  return undefined
}

function tooMany(host: SubmitHost, { origin, name, task }: Submission): AfterglowError | undefined {
  const { maxPending, maxPerRequest } = host.limits
  const { holder } = origin
  if (holder && holder.pending >= maxPerRequest)
    return new TasksOverloadedError(
      `task '${name}': ${maxPerRequest} tasks of this request have not ended (limits.maxPerRequest)`,
    )
  if (host.inFlight >= maxPending)
    return new TasksOverloadedError(`task '${name}': ${maxPending} tasks are waiting or running (limits.maxPending)`)
  const most = task.settings.maxPending
  if (most < Infinity && pendingOf(task.counts) >= most)
    return new TasksOverloadedError(`task '${name}': ${most} of it are waiting or running (its maxPending)`)
  const { executor } = task
  if (executor && host.flow.lanes.waiting(executor) >= executor.maxQueue)
    return new TasksOverloadedError(`task '${name}': ${executor.maxQueue} tasks wait for a thread (threads.maxQueue)`)
  return undefined
}

/** Counted and seen in any case; thrown unless the task was told to be dropped quietly when there are too many. */
function reject(host: SubmitHost, submission: Submission, error: Error): TaskHandle {
  submission.origin.holder?.rejects()
  host.count(submission, 'rejected', error)
  if (!(error instanceof TasksOverloadedError && submission.settings.onOverload === 'drop')) throw error
  submission.end({ outcome: 'dropped', reason: error.message, error, attempts: 0 })
  return new Handle(submission, host, { refused: error })
}

function wantedBy(registry: Registry, args: readonly unknown[]): Wanted {
  const [first, second, third] = args
  if (typeof first === 'object' && isDefinition(first)) {
    const task = registry.define(first)
    return { task, name: first.name, run: undefined, input: second, options: third as AddOptions | undefined }
  }
  if (typeof first === 'string') {
    if (typeof second !== 'function')
      throw new NotATaskError(`add('${first}'): expected a function after the name, got ${describe(second)}`)
    const closure = second as (task: unknown) => unknown
    const run: Run = (_input, task) => closure(task)
    return { task: registry.adHoc(first), name: first, run, input: undefined, options: third as AddOptions | undefined }
  }
  if (typeof first === 'function') {
    const name = read(first, 'name').replace(/^(?:bound )+/, '')
    if (name === '')
      throw new NotATaskError(`add(): a function without a name; give it one: add('send-mail', () => ...)`)
    const call = first as (...input: readonly unknown[]) => unknown
    const run: Run = (input: readonly unknown[]) => call(...input)
    return { task: registry.adHoc(name), name, run, input: args.slice(1), options: undefined }
  }
  throw new NotATaskError(
    typeof get(first, 'then') === 'function'
      ? `add(): got a promise, so the work has already started, before the response; pass the function, not its result`
      : `add(): expected a task made by defineTask, a named function, or a name and a function; got ${describe(first)}`,
  )
}
