/** Statements that come while one is under way share the next one. */
export class Shared<Item, Result> {
  readonly #run: (items: readonly Item[]) => Promise<Result>
  #next: { readonly items: Item[]; readonly result: Promise<Result> } | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(run: (items: readonly Item[]) => Promise<Result>) {
    this.#run = run
  }

  run(item: Item): Promise<Result> {
    const next = (this.#next ??= this.#follow([]))
    next.items.push(item)
    return next.result
  }

  #follow(items: Item[]): { readonly items: Item[]; readonly result: Promise<Result> } {
    const result = this.#last.then(() => {
      this.#next = undefined
      return this.#run(items)
    })
    this.#last = result.catch(() => {})
    return { items, result }
  }
}
