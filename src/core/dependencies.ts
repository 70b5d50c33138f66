import { types } from 'node:util'
import { InvalidOptionError } from './errors.ts'
import type { Submission } from './submission.ts'
import { Handle, type HandleOwner } from './task-handle.ts'
import type { AddOptions } from './task.ts'

/**
 * The submissions behind `after`, in a list of their own: what becomes of the array later changes nothing. Each of them was
 * accepted before this add began, so no task can come after itself, and there are no cycles.
 * @throws InvalidOptionError for what is no handle of a task
 */
export function dependenciesOf({ after }: AddOptions, owner: HandleOwner, where: string): readonly Submission[] {
  if (!after) return []
  const submissions: Submission[] = []
  // Not by `map`: it leaves holes, and a subclass of Array may have its own.
  for (let index = 0; index < after.length; index++) {
    const handle: unknown = after[index]
    const submission = Handle.submissionOf(handle, owner)
    if (!submission) throw new InvalidOptionError(`${where}: \`after[${index}]\` ${whyNot(handle)}`)
    submissions.push(submission)
  }
  return submissions
}

const GIVE = 'give it what add() of this runner returned'

/** What is wrong with something that is no handle of this runner, and what to do. */
function whyNot(value: unknown): string {
  if (Handle.isHandle(value)) return `is a handle of another runner, which this one cannot wait for; ${GIVE}`
  if (typeof value === 'string') return `is a text, such as an id; ${GIVE}, not its id`
  if (value === undefined)
    return `is undefined: a task cannot come after itself or after one that is added later; ${GIVE}`
  if (types.isPromise(value)) return `is a promise; ${GIVE}, not its \`settled\``
  return `is no handle of a task; ${GIVE}`
}

/** Lets `dependent` wait for those that have not ended; says how many. */
export function waitFor(dependent: Submission, dependencies: readonly Submission[]): number {
  for (const dependency of dependencies) {
    if (dependency.outcome) continue
    dependency.dependents ??= []
    dependency.dependents.push(dependent)
    dependent.waitsFor++
  }
  return dependent.waitsFor
}

/** Why a task does not run after these, or undefined if it does. */
export function skippedAfter(options: AddOptions, dependencies: readonly Submission[]): string | undefined {
  if (options.onDependencyFailure === 'run') return undefined
  const bad = dependencies.find((one) => one.outcome && !succeeded(one))
  return bad && `the task '${bad.name}' (${bad.id}) it comes after was ${bad.outcome?.outcome}`
}

/** A task handed over to a durable engine has been done by this process as far as it ever will. */
const succeeded = ({ outcome }: Submission): boolean =>
  outcome?.outcome === 'completed' || outcome?.outcome === 'handed_over'
