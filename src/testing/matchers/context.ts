import { inspect } from 'node:util'
import type { Seen } from '../kit/added-task.ts'

/** What `this` is in a matcher of Jest, Vitest or Bun, as far as it is used. */
export interface MatcherContext {
  readonly isNot?: boolean
  equals(a: unknown, b: unknown, customTesters?: unknown): boolean
  readonly customTesters?: unknown
  readonly utils?: {
    printExpected?(value: unknown): string
    printReceived?(value: unknown): string
    diff?(expected: unknown, received: unknown): string | null | undefined
  }
}
export interface MatcherResult {
  readonly pass: boolean
  readonly message: () => string
}

const shown = (value: unknown): string => inspect(value, { depth: 6 })

export const printExpected = ({ utils }: MatcherContext, value: unknown): string =>
  utils?.printExpected?.(value) ?? shown(value)

export const printReceived = ({ utils }: MatcherContext, value: unknown): string =>
  utils?.printReceived?.(value) ?? shown(value)

/** The words of the failure come below the call, as in every matcher of Jest. */
export const failure = ({ isNot }: MatcherContext, call: string, ...lines: readonly string[]): string =>
  [`expect(received)${isNot ? '.not' : ''}.${call}`, '', ...lines].join('\n')

/** What to say of those that are not as expected. */
export const about = (
  seen: readonly Seen[],
  isOdd: (one: Seen) => boolean,
  say: (one: Seen) => string,
): readonly string[] => (seen.length === 0 ? ['There is no such task: it was not added.'] : seen.filter(isOdd).map(say))
