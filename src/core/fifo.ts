/** First in, first out, with nothing allocated per member. What was taken out of the middle leaves a hole that is skipped. */
export class Fifo<T> {
  #members: (T | undefined)[] = []
  #head = 0
  size = 0

  /** The one that `shift` would give. */
  get first(): T | undefined {
    while (this.#head < this.#members.length && this.#members[this.#head] === undefined) this.#head++
    return this.#members[this.#head]
  }

  push(member: T): void {
    this.#members.push(member)
    this.size++
  }

  shift(): T | undefined {
    while (this.#head < this.#members.length) {
      const member = this.#members[this.#head]
      this.#members[this.#head++] = undefined
      if (member === undefined) continue
      this.size--
      this.#forget()
      return member
    }
    return undefined
  }

  /** True if one was there. Looks at all of them. */
  remove(is: (member: T) => boolean): boolean {
    const index = this.#members.findIndex((member) => member !== undefined && is(member))
    if (index < 0) return false
    this.#members[index] = undefined
    this.size--
    while (this.#head < this.#members.length && this.#members[this.#head] === undefined) this.#head++
    while (this.#members.length > this.#head && this.#members[this.#members.length - 1] === undefined)
      this.#members.pop()
    this.#forget()
    return true
  }

  /** Gives all that is left. */
  clear(): readonly T[] {
    const left = this.#members.filter((member) => member !== undefined)
    this.#members = []
    this.#head = this.size = 0
    return left
  }

  /** The room of what was shifted is given back once it is most of the array. */
  #forget(): void {
    if (this.size === 0) {
      this.#members.length = this.#head = 0
    } else if (this.#head > 1_024 && this.#head * 2 > this.#members.length) {
      this.#members.splice(0, this.#head)
      this.#head = 0
    }
  }
}
