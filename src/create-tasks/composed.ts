import type { Runner } from '../core/runner.ts'
import { Closing } from '../lifecycle/closing.ts'
import { drain, type AroundTasks, type DrainOptions, type DrainReport } from '../lifecycle/drain.ts'
import type { StandIn } from './stand-in.ts'

/** A runner with all that was composed round it. */
export interface Composed {
  readonly runner: Runner
  /** Told of each request by a stand-in. */
  readonly served: StandIn['served'] | undefined
  /** Resolves once no hook runs and no service is being disposed. */
  idle(): Promise<void>
  /** Every call gives the same promise; a later one can make it end sooner. */
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
  const closing = new Closing(runner, (options) => drain(runner, options, around).finally(() => around.end()))
  return {
    runner,
    served: around.served,
    idle: () => around.idle(),
    close: (options) => closing.close(options),
    async abandon() {
      runner.phase = 'closed'
      for (const submission of runner.flow.live.all()) runner.flow.cancel(submission, 'its test ended')
      around.end()
      runner.closed()
      await around.close()
    },
  }
}
