import { InvalidInputError, InvalidOptionError, type InputIssue } from './errors.ts'
import type { Schema } from './task.ts'
import { describe, get, read, shortText } from './text.ts'
import { isThenable, promiseOf } from './thenable.ts'

/** @throws InvalidInputError with one issue per field, InvalidOptionError when the schema is none or can only validate later */
export function parseInput(schema: Schema, input: unknown, name: string): unknown {
  const result: unknown = schema['~standard'].validate(input)
  if (isThenable(result)) {
    promiseOf(result).catch(() => undefined)
    throw new InvalidOptionError(`task '${name}': its schema is asynchronous; add() validates before it returns`)
  }
  if (typeof result !== 'object' || result === null)
    throw new InvalidOptionError(
      `task '${name}': its schema gave ${describe(result)}; a Standard Schema gives { value } or { issues }`,
    )
  if (!('issues' in result) || !result.issues) return (result as { readonly value?: unknown }).value
  const issues = issuesOf(result.issues)
  const first = issues[0]
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''
  throw new InvalidInputError(
    `task '${name}': invalid input at ${shortText(first?.path || 'the top')}: ${shortText(first?.message ?? 'refused by its schema')}${more}`,
    { issues },
  )
}

/** A schema of somebody's own may give anything; that it refuses is all that is certain. */
const issuesOf = (given: unknown): readonly InputIssue[] =>
  Array.isArray(given)
    ? given.map((issue: unknown) => ({ message: read(issue, 'message'), path: pathOf(get(issue, 'path')) }))
    : []

const pathOf = (path: unknown): string =>
  Array.isArray(path)
    ? path.map((step: unknown) => String(typeof step === 'object' ? get(step, 'key') : step)).join('.')
    : ''
