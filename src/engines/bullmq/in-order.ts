interface Question<T> {
  readonly take: (answer: T) => void
  answer?: { readonly value: T }
}

/** Answers are taken in the order of their questions, however late one of them comes. */
export class InOrder<T> {
  readonly #asked: Question<T>[] = []

  /** Questions whose answers have not been taken. */
  get size(): number {
    return this.#asked.length
  }

  /** Gives what is to be called once with the answer; `take` gets it when all before it have been taken. */
  ask(take: (answer: T) => void): (answer: T) => void {
    const question: Question<T> = { take }
    this.#asked.push(question)
    return (value) => {
      question.answer = { value }
      for (let first = this.#asked[0]; first?.answer; first = this.#asked[0]) {
        this.#asked.shift()
        first.take(first.answer.value)
      }
    }
  }
}
