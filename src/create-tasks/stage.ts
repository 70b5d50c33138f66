import { InvalidOptionError } from '../core/errors.ts'
import type { TaskObserver } from '../core/observer.ts'
import type { Runner } from '../core/runner.ts'
import type { Task, TaskMiddleware } from '../core/task.ts'
import type { DrainOptions, DrainReport } from '../lifecycle/drain.ts'
import type { Composed } from './composed.ts'
import type { Exchange, StandIn, StandingIn } from './stand-in.ts'

/**
 * What a `tasks` object stands for: the runner it was made with, or one that stands in for a test. Whoever is handed out
 * (middleware, guard, probes) asks for the runner anew each time.
 */
export class Stage {
  readonly #compose: (standIn?: StandIn) => Composed
  readonly #own: Composed
  readonly #middleware: TaskMiddleware[] = []
  readonly #observers: TaskObserver[] = []
  #now: Composed

  constructor(compose: (standIn?: StandIn) => Composed) {
    this.#compose = compose
    this.#now = this.#own = compose()
  }

  get runner(): Runner {
    return this.#now.runner
  }

  served(exchange: Exchange, facts: Parameters<StandIn['served']>[1]): void {
    this.#now.served?.(exchange, facts)
  }

  close(options: DrainOptions): Promise<DrainReport> {
    return this.#now.close(options)
  }

  // ---- what is composed by calls holds for a stand-in, too

  use(middleware: TaskMiddleware): void {
    for (const runner of this.#runners) runner.composition.use(middleware)
    this.#middleware.push(middleware)
  }

  observe(observer: TaskObserver): void {
    for (const runner of this.#runners) runner.composition.observe(observer)
    this.#observers.push(observer)
  }

  register(tasks: readonly Task[]): void {
    for (const runner of this.#runners) tasks.forEach((task) => runner.registry.define(task))
  }

  standIn(by: StandIn): StandingIn {
    if (this.#now !== this.#own)
      throw new InvalidOptionError('these tasks are taken over already; give them back first')
    const composed = this.#compose(by)
    const { runner } = composed
    for (const one of this.#middleware) runner.composition.use(one)
    for (const one of this.#observers) runner.composition.observe(one)
    for (const { definition } of this.#own.runner.registry.tasks.values())
      if (definition) runner.registry.define(definition)
    this.#now = composed
    return {
      idle: () => composed.idle(),
      end: () => {
        if (this.#now === composed) this.#now = this.#own
        return composed.abandon()
      },
    }
  }

  get #runners(): readonly Runner[] {
    return this.#now === this.#own ? [this.runner] : [this.runner, this.#own.runner]
  }
}
