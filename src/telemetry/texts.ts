import { clean, cleanLines, cut } from '../core/text.ts'
import { mask } from './masker.ts'

export interface RedactOptions {
  /**
   * Gives each text of a failure its last form before it leaves: message and stack of an error, reasons. It gets the text
   * with the default masker applied, and the error it is of, if any. What it throws, or returns that is no text, is
   * reported once, and `[redacted]` leaves instead of the text. @default the text as it is
   */
  readonly redact?: (text: string, error?: Error) => string
  /** Masks e-mail addresses too. @default false */
  readonly maskEmails?: boolean
}

/** What leaves instead of a text that could not be redacted. */
export const REDACTED = '[redacted]'
const REDACT_FAILED = 'telemetry.redact'

/** How far a text is looked at beyond what is kept of it, so that a secret at the cut is still whole to the masker. */
const BEYOND = 1_024

/** Everything that failures say passes through here, once: bounded, masked, redacted, and without control characters. */
export class Texts {
  readonly #options: RedactOptions
  readonly #failed: (where: string, error: unknown) => void
  #reported = false

  constructor(options: RedactOptions = {}, failed: (where: string, error: unknown) => void = () => undefined) {
    this.#options = options
    this.#failed = failed
  }

  /** On one line. */
  line(raw: string, max: number, error?: Error): string {
    return clean(this.#text(raw, max, error))
  }

  /** With its line ends. */
  lines(raw: string, max: number, error?: Error): string {
    return cleanLines(this.#text(raw, max, error))
  }

  #text(raw: string, max: number, error: Error | undefined): string {
    const { redact, maskEmails = false } = this.#options
    const masked = mask(cut(raw, max + BEYOND), { emails: maskEmails })
    return cut(redact ? this.#redacted(redact, masked, error) : masked, max)
  }

  #redacted(redact: NonNullable<RedactOptions['redact']>, text: string, error: Error | undefined): string {
    try {
      const redacted: unknown = redact(text, error)
      if (typeof redacted === 'string') return redacted
      this.#report(new TypeError(`it returned ${typeof redacted} where a text belongs`))
    } catch (thrown) {
      this.#report(thrown)
    }
    return REDACTED
  }

  /** Once: the report is a failure too, whose texts come here and fail again. */
  #report(thrown: unknown): void {
    if (this.#reported) return
    this.#reported = true
    this.#failed(REDACT_FAILED, thrown)
  }
}
