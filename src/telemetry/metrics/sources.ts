import { addCounts, newCounts, newStates, STATES, type Counts, type State } from '../../core/ledger.ts'
import type { InFlightLook } from '../../core/in-flight.ts'
import { OTHER, type RegisteredTask } from '../../core/registry.ts'
import type { StoreSource } from './stores.ts'

/** One runner: where its numbers are. */
export interface MetricsSource {
  readonly tasks: ReadonlyMap<string, RegisteredTask>
  /** Those of this process alone. */
  readonly engines: readonly string[]
  /** Durable engines. */
  readonly stores: readonly StoreSource[]
  readonly maxPending: number
  readonly concurrency: number
  /** What is in flight at this moment. */
  look(): InFlightLook
}

/** What is exported: all runners of the process as one. */
export interface Totals {
  /** By label: what happened since the start, also in runners that are gone. */
  readonly counts: ReadonlyMap<string, Counts>
  /** Tasks of open runners. */
  readonly tasks: readonly RegisteredTask[]
  readonly runners: number
  readonly states: Readonly<Record<State, number>>
  readonly maxPending: number
  readonly concurrency: number
  /** By engine and by label. */
  readonly readyMs: ReadonlyMap<string, number>
  readonly runningMs: ReadonlyMap<string, number>
}

/** Functions and closures of all runners that are gone: a process may make runners without end. */
const MAX_AD_HOC_NAMES = 50

/**
 * The runners of a process. Same-named instruments of two runners would overwrite each other, so there is one sum over all;
 * and counters never go back, so what a runner counted stays when it closes. Nothing else of it does.
 */
export class Sources {
  readonly #open = new Set<MetricsSource>()
  readonly #gone = new Map<string, Counts>()
  #adHocGone = 0

  get size(): number {
    return this.#open.size
  }

  add(source: MetricsSource): void {
    this.#open.add(source)
  }

  remove(source: MetricsSource): void {
    if (!this.#open.delete(source)) return
    for (const task of source.tasks.values()) addCounts(this.gone(task), task.counts)
  }

  /** The counts of a task in runners that closed; a closed one goes on refusing tasks. */
  gone(task: Pick<RegisteredTask, 'label' | 'definition'>): Counts {
    const known = this.#gone.get(task.label)
    if (known) return known
    if (!task.definition && task.label !== OTHER && ++this.#adHocGone > MAX_AD_HOC_NAMES)
      return this.gone({ label: OTHER, definition: undefined })
    const counts = newCounts()
    this.#gone.set(task.label, counts)
    return counts
  }

  /** Of open runners. */
  get stores(): readonly StoreSource[] {
    return [...this.#open].flatMap(({ stores }) => stores)
  }

  totals(): Totals {
    const counts = new Map<string, Counts>()
    for (const [label, gone] of this.#gone) addCounts(countsIn(counts, label), gone)
    const tasks: RegisteredTask[] = []
    const states = newStates()
    const readyMs = new Map<string, number>()
    const runningMs = new Map<string, number>()
    let maxPending = 0
    let concurrency = 0
    for (const source of this.#open) {
      for (const task of source.tasks.values()) {
        tasks.push(task)
        addCounts(countsIn(counts, task.label), task.counts)
      }
      const look = source.look()
      for (const state of STATES) states[state] += look.states[state]
      for (const engine of source.engines) raise(readyMs, engine, look.readyMs.get(engine))
      for (const { label } of source.tasks.values()) raise(runningMs, label, look.runningMs.get(label))
      maxPending += source.maxPending
      concurrency += source.concurrency
    }
    return { counts, tasks, runners: this.#open.size, states, maxPending, concurrency, readyMs, runningMs }
  }
}

function countsIn(all: Map<string, Counts>, label: string): Counts {
  let counts = all.get(label)
  if (!counts) all.set(label, (counts = newCounts()))
  return counts
}

const raise = (most: Map<string, number>, key: string, ms = 0): void =>
  void most.set(key, Math.max(most.get(key) ?? 0, ms))
