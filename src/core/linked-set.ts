/** What a member of a `LinkedSet` carries: its own links, so that adding and deleting allocate nothing. */
export interface Linked<T> {
  older: T | undefined
  newer: T | undefined
}

/** Members in the order they were added. A member is in at most one set at a time. */
export class LinkedSet<T extends Linked<T>> {
  #oldest: T | undefined
  #newest: T | undefined
  size = 0

  get first(): T | undefined {
    return this.#oldest
  }

  add(member: T): void {
    member.older = this.#newest
    if (this.#newest) this.#newest.newer = member
    else this.#oldest = member
    this.#newest = member
    this.size++
  }

  delete(member: T): void {
    if (member.older) member.older.newer = member.newer
    else this.#oldest = member.newer
    if (member.newer) member.newer.older = member.older
    else this.#newest = member.older
    member.older = member.newer = undefined
    this.size--
  }

  /** Deleting the member at hand while iterating is allowed. */
  *[Symbol.iterator](): Generator<T, undefined> {
    for (let member = this.#oldest, next: T | undefined; member; member = next) {
      next = member.newer
      yield member
    }
  }
}
