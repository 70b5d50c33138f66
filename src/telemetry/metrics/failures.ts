import type { Attributes } from '@opentelemetry/api'
import { OTHER } from '../../core/registry.ts'
import * as names from '../names.ts'

/** Routes of all tasks together: both come from code, but their product may be large. */
const MAX_PAIRS = 200

interface Failure {
  readonly attributes: Attributes
  count: number
}

/** How often each task failed, by error and route. An SDK allows 2000 series, hence the bound. */
export class Failures {
  readonly #all = new Map<string, Failure>()
  readonly #pairs = new Set<string>()

  count(label: string, type: string, route: string | undefined): void {
    const bounded = route === undefined ? undefined : this.#bounded(label, route)
    const key = `${label}\n${type}\n${bounded ?? ''}`
    let failure = this.#all.get(key)
    if (!failure) {
      const attributes: Attributes = { [names.TASK_NAME]: label, [names.ERROR_TYPE]: type }
      if (bounded !== undefined) attributes[names.HTTP_ROUTE] = bounded
      this.#all.set(key, (failure = { attributes: Object.freeze(attributes), count: 0 }))
    }
    failure.count++
  }

  all(): Iterable<Failure> {
    return this.#all.values()
  }

  #bounded(label: string, route: string): string {
    const pair = `${label}\n${route}`
    if (this.#pairs.has(pair)) return route
    if (this.#pairs.size >= MAX_PAIRS) return OTHER
    this.#pairs.add(pair)
    return route
  }
}
