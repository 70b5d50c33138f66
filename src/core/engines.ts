import { refuseSettings } from './durable/refusals.ts'
import { isAsDurable, type Engine } from './engine.ts'
import { InvalidOptionError, UnknownEngineError } from './errors.ts'
import type { Observers } from './observers.ts'
import type { RegisteredTask, RegistryHost } from './registry.ts'
import type { ResolvedSettings } from './task.ts'

interface EnginesHost {
  readonly observers: Pick<Observers, 'event' | 'failure'>
  readonly flow: { becomesKnown(label: string): void }
}

/** The engines of a runner, by the names that tasks call them, and what they mean for the definition of a task. */
export class Engines implements RegistryHost {
  readonly #engines: ReadonlyMap<string, Engine>
  readonly #host: EnginesHost
  #warned = false

  constructor(engines: ReadonlyMap<string, Engine>, host: EnginesHost) {
    this.#engines = engines
    this.#host = host
  }

  /** @throws UnknownEngineError */
  of(key: string, task: string): Engine {
    const engine = this.#engines.get(key)
    if (engine) return engine
    const known = [...this.#engines.keys()].join(', ')
    throw new UnknownEngineError(`task '${task}' wants the engine '${key}'; createTasks({ engines }) has ${known}`)
  }

  /** @throws InvalidOptionError for settings that the engine of the task cannot mean */
  check(settings: ResolvedSettings, name: string): void {
    const engine = this.#engines.get(settings.engine)
    if (engine && isAsDurable(engine)) refuseSettings(settings, engine, `task '${name}'`)
  }

  /** A function cannot be stored: where tasks go to a durable engine by default, functions run in this process all the same. */
  ofFunctions(defaults: ResolvedSettings, name: string): ResolvedSettings {
    const engine = this.#engines.get(defaults.engine)
    if (!engine || !isAsDurable(engine)) return defaults
    const local = [...this.#engines].find(([, one]) => !isAsDurable(one))
    if (!local) return defaults
    if (!this.#warned) {
      this.#warned = true
      this.#host.observers.event({ type: 'not_durable', name })
    }
    return { ...defaults, engine: local[0] }
  }

  defined({ label }: RegisteredTask): void {
    this.#host.flow.becomesKnown(label)
  }

  tooManyNames(name: string): void {
    const hint = `'${name}' and further ones count as one; put what varies into the input, not into the name`
    const error = new InvalidOptionError(`more than 50 names of functions and closures: ${hint}`)
    this.#host.observers.failure('add', error)
  }
}
