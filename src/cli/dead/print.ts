import type { styleText } from 'node:util'
import type { DeadTask } from '../../core/engine.ts'

/** Three lines for each: what and when, why, which. */
export function asText(dead: readonly DeadTask[], now: number, paint: typeof styleText): string {
  if (dead.length === 0) return 'No dead tasks.\n'
  const blocks = dead.map(({ id, name, note, addedAt, request }) => {
    const tries = note.attempts === 1 ? '1 attempt' : `${note.attempts} attempts`
    const route = request ? `  ${[request.method, request.route].filter(Boolean).join(' ')}` : ''
    const why = [note.errorType, note.message].filter(Boolean).join(': ') || (note.reason ?? 'no reason is known')
    return [
      `${paint('bold', clean(name))}  ${note.outcome.replaceAll('_', ' ')} after ${tries}, ${ago(now - note.at)}${clean(route)}`,
      `  ${paint('red', clean(why))}${note.reason !== undefined && note.message !== undefined ? ` (${clean(note.reason)})` : ''}`,
      `  ${paint('dim', `${id}  added ${new Date(addedAt).toISOString()}`)}`,
    ].join('\n')
  })
  return `${blocks.join('\n\n')}\n\n${dead.length === 1 ? '1 dead task' : `${dead.length} dead tasks`}, newest first\n`
}

export const asJson = (dead: readonly DeadTask[]): string => `${JSON.stringify(dead, undefined, 2)}\n`

const UNITS: readonly (readonly [number, string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
]

function ago(ms: number): string {
  const [of = 1_000, unit = 's'] = UNITS.find(([size]) => ms >= size) ?? []
  return `${Math.max(0, Math.floor(ms / of))} ${unit} ago`
}

/** What comes from a store must not steer the terminal. */
const clean = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (found) => `\\u${found.codePointAt(0)?.toString(16).padStart(4, '0')}`)
