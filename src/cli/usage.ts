// What every command of the command line has: arguments that are understood or refused in one sentence, and help.
import { parseArgs } from 'node:util'
import type { ParseArgsConfig } from 'node:util'

/** The arguments make no sense; the message says what is wrong with them. Exit code 2. */
export class UsageError extends Error {}

export interface Command {
  readonly help: string
  /** Prints, and resolves with the exit code. `args` are those after the command's name, `rest` those after `--`. */
  readonly run: (args: readonly string[], rest: readonly string[] | undefined) => Promise<number>
}

type Options = NonNullable<ParseArgsConfig['options']>

/** @throws UsageError for an option that there is not, or one without its value */
export function parse<const O extends Options>(args: readonly string[], options: O) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

export function show(text: string): void {
  process.stdout.write(text)
}
