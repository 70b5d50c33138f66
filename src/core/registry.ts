import { checkLabels, checkName, resolveSettings } from './options.ts'
import { InvalidOptionError, NotATaskError, TaskNameTakenError } from './errors.ts'
import { newCounts, type Counts } from './ledger.ts'
import type { ResolvedSettings, Schema, Task, TaskContext, TaskSettings, WithoutSchema, WithSchema } from './task.ts'
import type { TaskLabels } from './task-labels.ts'

export type Run = (input: never, task: TaskContext<never>) => unknown

/** Definitions may come from another copy of this package (an ESM and a CommonJS build), hence the shared symbol. */
const DEFINITION = Symbol.for('koa-afterglow.definition')

interface Definition extends Task {
  readonly [DEFINITION]: {
    readonly run: Run
    readonly schema: Schema | undefined
    readonly definedAt: { readonly stack?: string }
  }
}

interface Untyped extends TaskSettings, TaskLabels {
  readonly name: string
  readonly schema?: Schema | undefined
  readonly run: Run
}

/**
 * Makes a task. With a `schema` (any Standard Schema) the input is checked at `add()` and what the schema gives out is
 * what `run` gets.
 * @throws InvalidOptionError for a bad name, an unknown option or an option out of range
 */
export function defineTask<S extends Schema, R>(definition: WithSchema<S, R>): Task<Schema.InferInput<S>, R>
export function defineTask<I = void, R = unknown>(definition: WithoutSchema<I, R>): Task<I, R>
export function defineTask(definition: Untyped): Task {
  if (typeof definition !== 'object' || definition === null)
    throw new InvalidOptionError(`defineTask takes an object with \`name\` and \`run\`, got ${typeof definition}`)
  const { name, schema, run, owner, slo, ...settings } = definition
  checkName(name, 'defineTask')
  const where = `task '${name}'`
  if (typeof run !== 'function') throw new InvalidOptionError(`${where}: \`run\` must be a function, got ${typeof run}`)
  if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function')
    throw new InvalidOptionError(`${where}: \`schema\` must be a Standard Schema (zod, valibot, arktype, ...)`)
  // Settings are checked where they are written, not at the first add.
  resolveSettings(UNSET, settings, where)
  checkLabels(definition, where)
  const labels: TaskLabels = { ...(owner !== undefined && { owner }), ...(slo !== undefined && { slo }) }
  // Where it was defined; put into words only if somebody asks.
  const definedAt = {}
  Error.captureStackTrace(definedAt, defineTask)
  const parts = { run, schema, definedAt }
  const task: Definition = { name, settings: Object.freeze(settings), ...labels, [DEFINITION]: parts }
  return Object.freeze(task)
}

const UNSET = {} as ResolvedSettings

export const isDefinition = (value: unknown): value is Definition =>
  typeof value === 'object' && value !== null && DEFINITION in value

/** A task as one runner knows it: its settings made whole, and its counts. */
export interface RegisteredTask {
  readonly name: string
  /** The name on metrics. */
  readonly label: string
  readonly settings: ResolvedSettings
  readonly schema: Schema | undefined
  /** Undefined for functions and closures: each submission brings its own. */
  readonly run: Run | undefined
  readonly definition: Task | undefined
  readonly definedAt?: { readonly stack?: string }
  readonly counts: Counts
}

/** Functions and closures may make up names without end; beyond this many they share one label. */
const MAX_AD_HOC_NAMES = 50
export const OTHER = '_OTHER'

export class Registry {
  readonly #tasks = new Map<string, RegisteredTask>()
  readonly #defaults: ResolvedSettings
  readonly #onTooManyNames: (name: string) => void
  #adHoc = 0
  #other: RegisteredTask | undefined

  constructor(defaults: ResolvedSettings, onTooManyNames: (name: string) => void) {
    this.#defaults = defaults
    this.#onTooManyNames = onTooManyNames
  }

  /** @throws TaskNameTakenError when another definition, or a function, has the name */
  define(task: Task): RegisteredTask {
    // It may be anything that a JavaScript caller takes for a task.
    const known = this.#tasks.get((task as Task | null | undefined)?.name ?? '')
    if (known?.definition === task) return known
    if (!isDefinition(task)) throw new NotATaskError('expected a task made by defineTask')
    if (known) throw new TaskNameTakenError(`the name '${task.name}' belongs to another task; each needs its own`)
    const { run, schema, definedAt } = task[DEFINITION]
    const settings = resolveSettings(this.#defaults, task.settings, `task '${task.name}'`)
    return this.#add({ name: task.name, settings, run, schema, definition: task, definedAt })
  }

  /** A function or closure, by its name alone: a new closure per request is the same task each time. */
  adHoc(name: string): RegisteredTask {
    const known = this.#tasks.get(name)
    if (known?.definition)
      throw new TaskNameTakenError(`'${name}' is a defined task; add the task itself, or name the function otherwise`)
    if (known) return known
    checkName(name, 'add')
    const parts = { settings: this.#defaults, run: undefined, schema: undefined, definition: undefined }
    if (++this.#adHoc <= MAX_AD_HOC_NAMES) return this.#add({ name, ...parts })
    if (!this.#other) {
      this.#onTooManyNames(name)
      this.#other = this.#add({ name: OTHER, ...parts })
    }
    return this.#other
  }

  get(name: string): RegisteredTask | undefined {
    return this.#tasks.get(name)
  }

  /** By name; live. */
  get tasks(): ReadonlyMap<string, RegisteredTask> {
    return this.#tasks
  }

  #add(parts: Omit<RegisteredTask, 'label' | 'counts'>): RegisteredTask {
    const registered = { ...parts, label: parts.name, counts: newCounts() }
    this.#tasks.set(parts.name, registered)
    return registered
  }
}
