import { InvalidOptionError } from './errors.ts'
import type { Submission } from './submission.ts'
import { Handle, type HandleOwner } from './task-handle.ts'
import type { AddOptions } from './task.ts'

/** The submissions behind `after`. @throws InvalidOptionError for what is no handle of a task */
export function dependenciesOf(options: AddOptions, owner: HandleOwner, where: string): readonly Submission[] {
  if (!options.after) return []
  return options.after.map((handle, index) => {
    const submission = Handle.submissionOf(handle, owner)
    if (!submission)
      throw new InvalidOptionError(
        `${where}: \`after[${index}]\` is no handle of this runner; give it what add() returned`,
      )
    return submission
  })
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
