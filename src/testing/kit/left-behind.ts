import type { Seen } from './added-task.ts'
import type { TakeOverOptions } from './kit.ts'
import type { Recorder } from './recorder.ts'
import { whereIs } from './rest.ts'

/**
 * What a test should not leave: tasks in flight, and errors that reached nobody. A task that was told to start later is not
 * in flight; where tasks run only when told, neither is one that was not told to.
 */
export function leftBehind(mode: TakeOverOptions['mode'], { seen, strays }: Recorder): readonly string[] {
  const leaked = seen.filter((one) => !one.rejected && !one.outcome && isInFlight(mode, one))
  return [
    ...leaked.map(whereIs),
    ...strays.map(({ where, error }) => `an error that escaped: ${where}: ${error.message}`),
  ]
}

function isInFlight(mode: TakeOverOptions['mode'], { submission }: Seen): boolean {
  const { state } = submission
  if (mode === 'off') return false
  if (mode === 'manual') return state === 'running' || state === 'held'
  if (state === 'blocked') return !submission.dependencies?.some((one) => !one.outcome && one.state === 'delayed')
  return state !== 'delayed'
}
