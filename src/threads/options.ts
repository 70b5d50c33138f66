import { availableParallelism } from 'node:os'
import type { ResourceLimits } from 'node:worker_threads'
import { InvalidOptionError } from '../core/errors.ts'
import { checkCount, checkMs, refuseUnknown } from '../core/options.ts'

export interface ThreadOptions {
  /** Threads that are kept, once the first task has needed one. @default 0 */
  readonly min?: number
  /** Threads at most: that many `thread` tasks run at once, the others wait. @default one less than there are cores, at least 1 */
  readonly max?: number
  /** How many `thread` tasks may wait to start; an `add` beyond it is overload, as by `limits.maxPending`. @default 1000 */
  readonly maxQueue?: number
  /** What one thread may use, as Node has it: `{ maxOldGenerationSizeMb: 256 }`. @default Node's own */
  readonly resourceLimits?: ResourceLimits
  /** How long a thread above `min` is kept with nothing to do; milliseconds, `Infinity` for ever. @default 30000 */
  readonly idleTimeoutMs?: number
}

export interface ResolvedThreads {
  readonly min: number
  readonly max: number
  readonly maxQueue: number
  readonly resourceLimits: ResourceLimits | undefined
  readonly idleTimeoutMs: number
}

const DEFAULTS = { min: 0, max: 1, maxQueue: 1_000, resourceLimits: undefined, idleTimeoutMs: 30_000 }
const RESOURCE_LIMITS: Required<ResourceLimits> = {
  maxOldGenerationSizeMb: 0,
  maxYoungGenerationSizeMb: 0,
  codeRangeSizeMb: 0,
  stackSizeMb: 0,
}

/** @throws InvalidOptionError */
export function resolveThreads(options: ThreadOptions = {}): ResolvedThreads {
  const where = 'createTasks({ threads })'
  // One core is left to the event loop, whose requests must not wait for the threads.
  const max = options.max ?? Math.max(1, availableParallelism() - 1, options.min ?? 1)
  refuseUnknown(options, DEFAULTS, where)
  const resolved = { ...DEFAULTS, ...given(options), max }
  const { min, maxQueue, idleTimeoutMs, resourceLimits } = resolved
  if (min !== 0) checkCount({ min }, where)
  checkCount({ max }, where)
  if (maxQueue !== Infinity) checkCount({ maxQueue }, where)
  checkMs({ idleTimeoutMs }, where)
  if (min > max) throw new InvalidOptionError(`${where}: \`min\` (${min}) is more than \`max\` (${max})`)
  if (resourceLimits) checkResources(resourceLimits, `${where} resourceLimits`)
  return resolved
}

function checkResources(limits: ResourceLimits, where: string): void {
  refuseUnknown(limits, RESOURCE_LIMITS, where)
  for (const [name, value] of Object.entries(limits))
    if (!(typeof value === 'number' && value > 0))
      throw new InvalidOptionError(`${where}: expected \`${name}\` to be a positive number, got ${String(value)}`)
}

const given = (options: ThreadOptions): ThreadOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
