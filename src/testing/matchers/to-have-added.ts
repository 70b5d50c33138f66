import type { Seen, TaskQuery } from '../kit/added-task.ts'
import { nameOf } from '../kit/added-task.ts'
import { TestingError } from '../kit/errors.ts'
import { pick, times, whatWasAdded } from '../kit/pick.ts'
import { sessionOf } from '../kit/sessions.ts'
import { failure, printExpected, printReceived, type MatcherContext, type MatcherResult } from './context.ts'

/** What is asked for, and whether once alone. */
interface Wanted {
  readonly query: TaskQuery
  readonly input: readonly unknown[]
  readonly once: boolean
}

export function haveAdded(context: MatcherContext, received: unknown, wanted: Wanted): MatcherResult {
  const { input, once } = wanted
  const look = lookFor(context, received, wanted)
  const { fitting, named } = look
  const call = `toHaveAdded${once ? 'Once' : ''}('${look.name}'${input.length > 0 ? ', input' : ''})`
  return {
    pass: once ? fitting.length === 1 && named.length === 1 : fitting.length > 0,
    message: () => failure(context, call, ...say(context, look)),
  }
}

interface Look {
  readonly name: string
  readonly all: readonly Seen[]
  readonly named: readonly Seen[]
  readonly fitting: readonly Seen[]
  readonly input: readonly unknown[]
}

function lookFor(context: MatcherContext, received: unknown, { query, input }: Wanted): Look {
  const session = sessionOf(received)
  if (!session)
    throw new TestingError(
      'expected the tasks of createTasks() while they are taken over, or the kit of takeOver(); begin the test with takeOver(tasks)',
    )
  const named = pick(session.added, query)
  const fitting = named.filter((seen) => input.length === 0 || fits(context, seen, input))
  return { name: nameOf(query), all: session.added, named, fitting, input }
}

/** By what the handler gets, or by what it would get for what is expected: a schema may change what `add` was given. */
function fits(context: MatcherContext, seen: Seen, input: readonly unknown[]): boolean {
  const equals = (expected: unknown) => context.equals(seen.input, expected, context.customTesters)
  const { schema, definition } = seen.submission.task
  if (!definition) return equals(input)
  if (equals(input[0])) return true
  const parsed = schema?.['~standard'].validate(input[0])
  return parsed !== undefined && !('then' in parsed) && !parsed.issues && equals(parsed.value)
}

function say(context: MatcherContext, { name, all, named, fitting, input }: Look): readonly string[] {
  const expected = input.length === 1 ? input[0] : input
  const inputs = named.map((seen, n) => `  ${n + 1}: ${printReceived(context, seen.input)}${causeOf(seen)}`)
  if (fitting.length > 0 && fitting.length === named.length)
    return [`'${name}' was added ${times(named.length)}:`, ...inputs]
  if (named.length === 0) return [`'${name}' was not added; ${whatWasAdded(all)}`]
  const [only] = named
  const diff = named.length === 1 && only ? context.utils?.diff?.(expected, inputOf(only)) : undefined
  return [
    `Expected input: ${printExpected(context, expected)}`,
    `'${name}' was added ${times(named.length)}, ${fitting.length > 0 ? `${times(fitting.length)} with it` : 'with other input'}:`,
    ...inputs,
    ...(diff ? ['', diff] : []),
  ]
}

/** As `expected` is said: the one argument of a function is not an array of it. */
const inputOf = ({ submission, input }: Seen): unknown =>
  !submission.task.definition && Array.isArray(input) && input.length === 1 ? (input[0] as unknown) : input

const causeOf = ({ by }: Seen): string => (by() === undefined ? '' : ` by ${by()}`)
