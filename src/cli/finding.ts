/** `skip`: could not be looked at, and why. Of `warn` and `fail` only the second makes the exit code 1. */
export type Status = 'ok' | 'warn' | 'fail' | 'skip'

export interface Finding {
  /** Stable: part of the schema of `--json`. */
  readonly id: string
  readonly status: Status
  /** What is so. */
  readonly message: string
  /** What to do about it; always there for `warn` and `fail`. */
  readonly fix?: string
}

/** The findings of one check, all under its id. */
export const finder = (id: string) => ({
  ok: (message: string): Finding => ({ id, status: 'ok', message }),
  skip: (message: string): Finding => ({ id, status: 'skip', message }),
  warn: (message: string, fix: string): Finding => ({ id, status: 'warn', message, fix }),
  fail: (message: string, fix: string): Finding => ({ id, status: 'fail', message, fix }),
})

const WORST_FIRST: readonly Status[] = ['fail', 'warn', 'ok', 'skip']

export const worst = (findings: readonly Finding[]): Status =>
  WORST_FIRST.find((status) => findings.some((finding) => finding.status === status)) ?? 'ok'
