import type { Executor, Run, ThreadSpec } from './executor.ts'
import { checkLabels, checkName, resolveSettings } from './options.ts'
import { InvalidOptionError, NotATaskError, TaskNameTakenError } from './errors.ts'
import { newCounts, type Counts } from './ledger.ts'
import type { ResolvedSettings, Schema, Task, TaskSettings, WithoutSchema, WithSchema } from './task.ts'
import type { TaskLabels } from './task-labels.ts'
import type { InputOf, OutputOf, OnThread, OnThreadWithSchema } from './thread-types.ts'

/** Definitions may come from another copy of this package (an ESM and a CommonJS build), hence the shared symbol. */
const DEFINITION = Symbol.for('koa-afterglow.definition')

interface Definition extends Task {
  readonly [DEFINITION]: {
    readonly run: Run | undefined
    readonly thread: ThreadSpec | undefined
    readonly schema: Schema | undefined
    readonly definedAt: { readonly stack?: string }
  }
}

/**
 * Makes a task. With a `schema` (any Standard Schema) the input is checked at `add()` and what the schema gives out is
 * what `run` gets. With `thread`, the URL of a module, in place of `run`, a function of that module does the work on a
 * thread of its own: `docs/threads.md`.
 * @throws InvalidOptionError for a bad name, an unknown option or an option out of range
 */
export function defineTask<S extends Schema, R>(definition: WithSchema<S, R>): Task<Schema.InferInput<S>, R>
export function defineTask<I = void, R = unknown>(definition: WithoutSchema<I, R>): Task<I, R>
export function defineTask<S extends Schema, M = unknown, K extends string = 'default'>(
  definition: OnThreadWithSchema<S, M, K>,
): Task<Schema.InferInput<S>, OutputOf<M, K>>
export function defineTask<M = unknown, K extends string = 'default'>(
  definition: OnThread<M, K>,
): Task<InputOf<M, K>, OutputOf<M, K>>
export function defineTask(definition: Given): Task {
  if (typeof definition !== 'object' || definition === null)
    throw new InvalidOptionError(`defineTask takes an object with \`name\` and \`run\`, got ${typeof definition}`)
  const { name, schema, run, thread, export: exportName, transfer, owner, slo, ...settings } = definition
  checkName(name, 'defineTask')
  const where = `task '${name}'`
  const spec = threadSpec({ run, thread, export: exportName, transfer }, where)
  if (!spec && typeof run !== 'function')
    throw new InvalidOptionError(`${where}: \`run\` must be a function, got ${typeof run}`)
  if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function')
    throw new InvalidOptionError(`${where}: \`schema\` must be a Standard Schema (zod, valibot, arktype, ...)`)
  // Settings are checked where they are written, not at the first add.
  resolveSettings(UNSET, settings, where)
  checkLabels(definition, where)
  const labels: TaskLabels = { ...(owner !== undefined && { owner }), ...(slo !== undefined && { slo }) }
  // Where it was defined; put into words only if somebody asks.
  const definedAt = {}
  Error.captureStackTrace(definedAt, defineTask)
  const parts = { run, thread: spec, schema, definedAt }
  const task: Definition = { name, settings: Object.freeze(settings), ...labels, [DEFINITION]: parts }
  return Object.freeze(task)
}

interface GivenThread {
  readonly run?: Run | undefined
  readonly thread?: URL | undefined
  readonly export?: string | undefined
  readonly transfer?: ((input: never) => readonly unknown[]) | undefined
}
interface Given extends TaskSettings, TaskLabels, GivenThread {
  readonly name: string
  readonly schema?: Schema | undefined
}

function threadSpec({ run, thread, export: name, transfer }: GivenThread, where: string): ThreadSpec | undefined {
  if (thread === undefined) {
    const stray = name !== undefined ? 'export' : transfer !== undefined ? 'transfer' : undefined
    if (stray) throw new InvalidOptionError(`${where}: \`${stray}\` belongs to a task with \`thread\``)
    return undefined
  }
  if (run !== undefined) throw new InvalidOptionError(`${where}: either \`run\` or \`thread\`, not both`)
  // By its parts: a URL of another realm is no instance of ours.
  if (thread?.protocol !== 'file:')
    throw new InvalidOptionError(
      `${where}: \`thread\` must be the URL of a file: new URL('./work.js', import.meta.url), got ${shown(thread)}`,
    )
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw new InvalidOptionError(`${where}: \`export\` must be the name of an export of ${thread.href}`)
  if (transfer !== undefined && typeof transfer !== 'function')
    throw new InvalidOptionError(`${where}: \`transfer\` must be a function of the input that gives what to transfer`)
  return { url: thread, exportName: name ?? 'default', transfer }
}

const shown = (value: unknown): string =>
  typeof value === 'string'
    ? `'${value.slice(0, 80)}'`
    : typeof (value as URL | null)?.href === 'string'
      ? `'${(value as URL).href.slice(0, 80)}'`
      : typeof value

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
  /** What runs it, if that is not this event loop. */
  readonly executor: Executor | undefined
  /** Refuses an input that its executor cannot take. */
  readonly check: ((input: unknown) => void) | undefined
  readonly definition: Task | undefined
  readonly definedAt?: { readonly stack?: string }
  readonly counts: Counts
}

/** Functions and closures may make up names without end; beyond this many they share one label. */
const MAX_AD_HOC_NAMES = 50
export const OTHER = '_OTHER'
const AD_HOC = { run: undefined, executor: undefined, check: undefined, schema: undefined, definition: undefined }

export interface RegistryHost {
  /** @throws InvalidOptionError for what the engine of a task cannot mean */
  check(settings: ResolvedSettings, name: string): void
  defined(task: RegisteredTask): void
  /** Settings of functions and closures, which no durable engine can store. */
  ofFunctions(defaults: ResolvedSettings, name: string): ResolvedSettings
  tooManyNames(name: string): void
}

export class Registry {
  readonly #tasks = new Map<string, RegisteredTask>()
  readonly #defaults: ResolvedSettings
  readonly #threads: Executor
  readonly #host: RegistryHost
  #adHoc = 0
  #other: RegisteredTask | undefined

  constructor(defaults: ResolvedSettings, threads: Executor, host: RegistryHost) {
    this.#defaults = defaults
    this.#threads = threads
    this.#host = host
  }

  /** @throws TaskNameTakenError when another definition, or a function, has the name; or what `threads` cannot run */
  define(task: Task): RegisteredTask {
    // It may be anything that a JavaScript caller takes for a task.
    const known = this.#tasks.get((task as Task | null | undefined)?.name ?? '')
    if (known?.definition === task) return known
    if (!isDefinition(task)) throw new NotATaskError('expected a task made by defineTask')
    if (known) throw new TaskNameTakenError(`the name '${task.name}' belongs to another task; each needs its own`)
    const { name } = task
    const { run, schema, thread, definedAt } = task[DEFINITION]
    const settings = resolveSettings(this.#defaults, task.settings, `task '${name}'`)
    this.#host.check(settings, name)
    const parts = { name, settings, schema, definition: task, definedAt }
    const registered = thread
      ? this.#add({ ...parts, ...this.#threads.prepare(name, thread), executor: this.#threads })
      : this.#add({ ...parts, run, executor: undefined, check: undefined })
    this.#host.defined(registered)
    return registered
  }

  /** A function or closure, by its name alone: a new closure per request is the same task each time. */
  adHoc(name: string): RegisteredTask {
    const known = this.#tasks.get(name)
    if (known?.definition)
      throw new TaskNameTakenError(`'${name}' is a defined task; add the task itself, or name the function otherwise`)
    if (known) return known
    checkName(name, 'add')
    const parts = { ...AD_HOC, settings: this.#host.ofFunctions(this.#defaults, name) }
    if (++this.#adHoc <= MAX_AD_HOC_NAMES) return this.#add({ name, ...parts })
    if (!this.#other) {
      this.#host.tooManyNames(name)
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
