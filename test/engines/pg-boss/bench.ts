// A store that is asked by hand: what it was asked, and answers that a test decides on.
import type { Ended, EngineEvent } from '../../../src/core/engine.ts'
import { Claims } from '../../../src/engines/pg-boss/claims.ts'
import { Fetching } from '../../../src/engines/pg-boss/fetching.ts'
import type { Claim, Claimed } from '../../../src/engines/pg-boss/job.ts'
import type { Fate } from '../../../src/engines/pg-boss/sql.ts'
import type { Fetched, Store } from '../../../src/engines/pg-boss/store.ts'
import { envelope, Worker } from '../../../src/testing/engine-conformance/bench.ts'

export const CLAIM_MS = 30_000
export const BEAT_MS = CLAIM_MS / 3

const idsOf = (claims: readonly Claim[]): ReadonlySet<string> => new Set(claims.map(({ id }) => id))

export class FakeStore {
  readonly settings = { claimTimeoutMs: CLAIM_MS, pollMs: 1e6 }
  readonly putBacks: { readonly ids: readonly string[]; readonly afterMs: number }[] = []
  readonly completed: string[] = []
  fetch = (): Promise<Fetched> => Promise.resolve({ tasks: [], unreadable: [] })
  touch = (claims: readonly Claim[]): Promise<ReadonlySet<string>> => Promise.resolve(idsOf(claims))
  fateOf = (): Promise<Fate> => Promise.resolve('held')
  /** How many times it is refused. */
  refusals = 0

  putBack(tasks: readonly Claimed[], afterMs = 0): Promise<ReadonlySet<string>> {
    if (this.refusals-- > 0) return Promise.reject(new Error('cut off'))
    const claims = tasks.map(({ claim }) => claim)
    this.putBacks.push({ ids: [...idsOf(claims)], afterMs })
    return Promise.resolve(idsOf(claims))
  }

  complete(claims: readonly Claim[]): Promise<ReadonlySet<string>> {
    this.completed.push(...idsOf(claims))
    return Promise.resolve(idsOf(claims))
  }

  /** The next fetch brings these, and calls `meanwhile`. */
  brings(tasks: readonly Claimed[], meanwhile = (): void => {}): void {
    this.fetch = () => {
      this.fetch = () => Promise.resolve({ tasks: [], unreadable: [] })
      meanwhile()
      return Promise.resolve({ tasks, unreadable: [] })
    }
  }
}

export function claimedTask(over: Partial<Claimed> = {}): Claimed {
  const one = envelope()
  return { envelope: one, claim: { id: one.record.id, retryCount: 0, edition: 0 }, ...over }
}

/** The same task, claimed another time: on the same row, or on the one that it was put back as. */
export const again = ({ envelope: same, claim }: Claimed, edition = claim.edition): Claimed => ({
  envelope: same,
  claim: { id: claim.id, retryCount: edition === claim.edition ? claim.retryCount + 1 : 0, edition },
})

export function bench() {
  const fake = new FakeStore()
  const store = fake as unknown as Store
  const events: EngineEvent[] = []
  const errors: unknown[] = []
  const claims = new Claims(store, (event) => events.push(event))
  // Its engine is not asked: what it would do is what is tested here.
  const host = new Worker(undefined as never, { hold: true })
  const ended: Ended = (of, ending, dead) => claims.end({ envelope: of, ending, dead })
  const fetching = (): Fetching =>
    new Fetching({ store, claims, host, ended, failed: (thrown) => void errors.push(thrown) })
  const told = (): readonly string[] => events.map(({ type }) => type)
  return { store: fake, claims, host, fetching, told, errors }
}
