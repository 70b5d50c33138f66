/** Texts that come from elsewhere, made fit for a log, a span or a terminal. */

/** Control characters, line separators that are none to most, and what turns the direction of a line round. */
// oxlint-disable-next-line no-control-regex
export const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g
// oxlint-disable-next-line no-control-regex
const CONTROLS_BUT_NEWLINE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

const MAX_TEXT = 1_024

export const cut = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max - 1)}…` : text)

const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`

/** A message must not forge a log line or steer a terminal. */
export const clean = (text: string): string => text.replace(CONTROLS, escaped)
export const cleanLines = (text: string): string => text.replace(CONTROLS_BUT_NEWLINE, escaped)

/** One line of bounded length. */
export const shortText = (text: string): string => clean(cut(text, MAX_TEXT))

/** A property that may be a getter which throws; undefined then. */
export function get(from: unknown, key: PropertyKey): unknown {
  try {
    return (from as Record<PropertyKey, unknown>)[key]
  } catch {
    return undefined
  }
}

/** The same for one that should be a text; '' if it is none. */
export function read(from: unknown, key: PropertyKey): string {
  const value = get(from, key)
  return typeof value === 'string' ? value : ''
}

/** What an error says, however it was made. */
export const messageOf = (error: unknown): string => shortText(read(error, 'message'))

/** What a caller gave as a reason, if it is one. */
export const reasonOr = (reason: unknown, otherwise: string): string =>
  typeof reason === 'string' && reason !== '' ? reason : otherwise

/** What kind of thing it is, for a message. */
export const describe = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value
