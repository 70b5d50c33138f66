import type { Attributes } from '@opentelemetry/api'
import type { AttemptOutcome } from '../../core/task.ts'
import * as names from '../names.ts'
import type { ErrorTypes } from './error-types.ts'

/** The attribute sets of one task on one engine, made once each: attempts share them. */
export interface AttemptAttributes {
  readonly engine: string
  readonly wait: Attributes
  readonly ended: (outcome: AttemptOutcome) => Attributes
}

export class AttemptAttributeSets {
  readonly #types: ErrorTypes
  readonly #last = new Map<string, AttemptAttributes>()
  readonly #all = new Map<string, AttemptAttributes>()

  constructor(types: ErrorTypes) {
    this.#types = types
  }

  of(label: string, engine: string): AttemptAttributes {
    const last = this.#last.get(label)
    if (last?.engine === engine) return last
    // A task that runs on several engines takes turns.
    const key = `${label}\n${engine}`
    let sets = this.#all.get(key)
    if (!sets) this.#all.set(key, (sets = setsOf(label, engine, this.#types)))
    this.#last.set(label, sets)
    return sets
  }
}

function setsOf(label: string, engine: string, types: ErrorTypes): AttemptAttributes {
  const wait: Attributes = Object.freeze({ [names.TASK_NAME]: label, [names.ENGINE]: engine })
  const completed: Attributes = Object.freeze({ ...wait, [names.TASK_OUTCOME]: 'completed' })
  const sets = new Map<string, Attributes>()
  const ended = (outcome: AttemptOutcome): Attributes => {
    if (outcome.outcome === 'completed' && !outcome.handled) return completed
    const type = types.of(label, outcome)
    const key = `${outcome.outcome} ${type ?? ''}`
    let set = sets.get(key)
    if (!set) {
      set = { ...wait, [names.TASK_OUTCOME]: outcome.outcome, ...(type !== undefined && { [names.ERROR_TYPE]: type }) }
      sets.set(key, Object.freeze(set))
    }
    return set
  }
  return { engine, wait, ended }
}
