import type { ResolvedSettings } from './settings.ts'

/** The request that may hold a task back until its response settles. */
export interface HolderOf<S> {
  /** Its response settled and its handler returned: an add that still comes from it is late. */
  readonly over: boolean
  /** Whether its handler is still at work while its gate is shut. */
  readonly handlerWaits: boolean
  /** Counts an accepted submission. */
  adds(submission: S): void
  /** One that it added ended. */
  ends(): void
  /** True if the submission must wait for the gate. */
  holds(submission: S): boolean
  /** Lets one that waits already wait for this response, too; false if it does, or if nothing of this response is to come. */
  holdsToo(submission: S): boolean
  /** Lets a task of one of its tasks wait, if that asked to know the response and it is not known yet. */
  holdsForResponse(submission: S): boolean
  rejects(): void
  /** One that it added was not stored. */
  refuses(submission: S): void
  /** True if a task for a durable engine waits for the end of this request's chain. */
  keeps(submission: S): boolean
  /** Stores what it keeps, as far as that can be decided. */
  storesNow(): void
  /** Its end waits for this, too. */
  alsoStores(storing: Promise<Error | undefined>): void
  /** Why a task with these settings does not run after this request, by what is known of its response now. */
  skips(settings: ResolvedSettings): string | undefined
  /** How many of those it added have not ended. */
  readonly pending: number
}
