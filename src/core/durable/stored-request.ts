import type { RequestFacts, ResponseClass } from '../task.ts'

/** The request of a task that came out of a store: its facts, and to core that nothing more will be known of it here. */
export class StoredRequest implements RequestFacts {
  readonly method: string
  declare readonly route?: string | undefined
  declare readonly statusCode?: number | undefined
  declare readonly response?: ResponseClass | undefined
  declare readonly traceId?: string | undefined
  declare readonly spanId?: string | undefined

  constructor(facts: RequestFacts) {
    this.method = facts.method
    Object.assign(this, facts)
  }

  get holder(): undefined {
    return undefined
  }
  get settledAt(): undefined {
    return undefined
  }
  get stored(): true {
    return true
  }
}
