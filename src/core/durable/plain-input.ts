import { InvalidInputError } from '../errors.ts'
import { shortText } from '../text.ts'

/** Deeper than this no store need follow. */
const MAX_DEPTH = 100

/**
 * A copy of an input as it will come out of a store: what JSON would lose or change is refused, since the task would then
 * run with something else than it was given. A key whose value is `undefined` is left out, as JSON does.
 * @throws InvalidInputError naming the first place that does not survive, or that the whole is larger than `maxBytes`
 */
export function plainInput(input: unknown, maxBytes: number, name: string): unknown {
  if (input === undefined) return undefined
  const copier = new Copier(maxBytes, name)
  const copy = copier.copy(input, [])
  const bytes = Buffer.byteLength(JSON.stringify(copy))
  if (bytes > maxBytes) copier.refuse(`is ${bytes} bytes as JSON; limits.maxInputBytes is ${maxBytes}`, [])
  return copy
}

type Path = readonly (string | number)[]

class Copier {
  readonly #maxBytes: number
  readonly #name: string
  /** The objects that the one at hand is in. */
  readonly #above = new Set<object>()
  /** At least so long: what refers to itself a thousandfold must not be written out before it is refused. */
  #bytes = 0

  constructor(maxBytes: number, name: string) {
    this.#maxBytes = maxBytes
    this.#name = name
  }

  copy(value: unknown, path: Path): unknown {
    this.#takes(1, path)
    if (typeof value === 'string') return this.#text(value, path)
    if (typeof value === 'boolean' || value === null) return value
    if (typeof value === 'object') return this.#object(value, path)
    if (typeof value === 'number')
      return Number.isFinite(value) ? value + 0 : this.refuse(`is ${value}, which JSON makes null`, path)
    if (value === undefined) return this.refuse('is undefined in an array, which JSON makes null', path)
    return this.refuse(`is a ${typeof value}${HINTS[typeof value] ?? ''}`, path)
  }

  refuse(what: string, path: Path): never {
    const where = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('')
    const message = shortText(`input${where} ${what}`)
    throw new InvalidInputError(`task '${this.#name}': its engine stores inputs as JSON, and ${message}`, {
      issues: [{ message, path: shortText(path.join('.')) }],
    })
  }

  #text(text: string, path: Path): string {
    this.#takes(text.length, path)
    if (text.includes('\u0000')) return this.refuse('has the character U+0000, which stores cannot keep', path)
    if (!text.isWellFormed()) return this.refuse('has half of a surrogate pair, which is no text', path)
    return text
  }

  #object(value: object, path: Path): unknown {
    if (this.#above.has(value)) return this.refuse('refers back to what it is in', path)
    if (path.length >= MAX_DEPTH) return this.refuse(`is more than ${MAX_DEPTH} objects deep`, path.slice(0, 5))
    this.#above.add(value)
    const copy = Array.isArray(value) ? this.#array(value, path) : this.#record(value, path)
    this.#above.delete(value)
    return copy
  }

  /** By index: `map` leaves holes, and a subclass may have its own. */
  #array(value: readonly unknown[], path: Path): unknown[] {
    const copy: unknown[] = []
    for (let index = 0; index < value.length; index++) copy.push(this.copy(value[index], [...path, index]))
    return copy
  }

  #record(value: object, path: Path): object {
    if (!isPlain(value)) return this.refuse(`is ${articled(value)}, which does not come back from JSON as one`, path)
    const entries: [string, unknown][] = []
    for (const [key, one] of Object.entries(value)) {
      if (one === undefined) continue
      this.#text(key, [...path, key])
      entries.push([key, this.copy(one, [...path, key])])
    }
    return Object.fromEntries(entries)
  }

  #takes(bytes: number, path: Path): void {
    this.#bytes += bytes
    if (this.#bytes > this.#maxBytes)
      this.refuse(`is larger than limits.maxInputBytes (${this.#maxBytes})`, path.slice(0, 5))
  }
}

const HINTS: Readonly<Record<string, string>> = { bigint: ': give it as text, String(value)' }

/** By the shape of its prototypes: an object of another realm is no instance of ours. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function articled(value: object): string {
  const { constructor } = value as { readonly constructor?: { readonly name?: unknown } }
  const name =
    typeof constructor?.name === 'string' && constructor.name !== '' ? constructor.name : 'an object of a class'
  return name === 'Date' ? 'a Date (give toISOString(), and let the schema make a Date of it)' : `a ${name}`
}
