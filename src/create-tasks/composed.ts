import type { Runner } from '../core/runner.ts'
import { drain, type AroundTasks, type DrainOptions, type DrainReport } from '../lifecycle/drain.ts'
import type { StandIn } from './stand-in.ts'

/** A runner with all that was composed round it. */
export interface Composed {
  readonly runner: Runner
  /** Told of each request by a stand-in. */
  readonly served: StandIn['served'] | undefined
  /** Whether it drains or has drained. */
  readonly closing: boolean
  /** Resolves once no hook runs and no service is being disposed. */
  idle(): Promise<void>
  /** Every call gives the same promise. */
  close(options: DrainOptions): Promise<DrainReport>
  /** Cancels what is in flight, at once; resolves when nothing of it is left. */
  abandon(): Promise<void>
}

interface Around extends AroundTasks {
  readonly served: StandIn['served'] | undefined
  /** Stops looking at the process and at the runner's numbers. */
  end(): void
}

export function composed(runner: Runner, around: Around): Composed {
  let closed: Promise<DrainReport> | undefined
  return {
    runner,
    served: around.served,
    get closing() {
      return closed !== undefined
    },
    idle: () => around.idle(),
    close: (options) => (closed ??= drain(runner, options, around).finally(() => around.end())),
    async abandon() {
      runner.phase = 'closed'
      for (const submission of runner.flow.live.all()) runner.flow.cancel(submission, 'its test ended')
      around.end()
      runner.closed()
      await around.close()
    },
  }
}
