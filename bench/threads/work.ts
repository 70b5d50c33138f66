import { createHash } from 'node:crypto'

/** Keeps its core busy for so many milliseconds. */
export default function work(ms: number): string {
  let ink = 'work'
  for (const end = performance.now() + ms; performance.now() < end;)
    ink = createHash('sha256').update(ink).digest('hex')
  return ink
}
