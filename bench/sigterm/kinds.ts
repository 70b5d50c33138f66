export const DEADLINE_MS = 3_000
/** What requests get of it; whoever is connected still is cut off then. A machine that is very busy may need more. */
export const SERVER_MS = (DEADLINE_MS - DEADLINE_MS / 8) / 2
/** What a line of the service's books begins with that names the port of a client it let in. */
export const LET_IN = 'port '

/** One way for a task to go, and how often of a hundred. */
export const KINDS = {
  quick: 18,
  slow: 18,
  failing: 4,
  flaky: 8,
  stubborn: 2,
  narrow: 6,
  delayed: 8,
  tomorrow: 1,
  nested: 8,
  chained: 8,
  expiring: 3,
  cancelled: 3,
  keyed: 4,
  sent: 3,
  floating: 2,
  deaf: 1,
  polite: 1,
  outside: 2,
  threaded: 1,
} as const
export type Kind = keyof typeof KINDS

export function pick(dice: () => number): Kind {
  const all = Object.entries(KINDS) as [Kind, number][]
  let left = dice() * all.reduce((sum, [, share]) => sum + share, 0)
  for (const [kind, share] of all) if ((left -= share) < 0) return kind
  return 'quick'
}
