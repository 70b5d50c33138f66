// What the README's section on failures takes for granted in an application; here it writes what it is told.
export class RateLimited extends Error {
  readonly retryAfterMs = 20
}
export class NoSuchAddress extends Error {}
export class CardDeclined extends Error {}

const say = (what: string): void => void process.stdout.write(`${what}\n`)
export const track = (error: Error): void => say(`tracked: ${error.message}`)
export const page = (message: string): void => say(`paged: ${message}`)
