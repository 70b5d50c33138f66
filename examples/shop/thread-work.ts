// Runs on threads, never in the server's own: `renderCatalogue` in tasks.ts names this file.
import { createHash } from 'node:crypto'
import type { ThreadTask } from 'koa-afterglow'

export interface Catalogue {
  readonly pages: number
}

/** Stands for a PDF, an image or a report: it keeps one core busy, without a pause, for as long as it is told. */
export function renderCatalogue({ ms }: { readonly ms: number }, { signal, log }: ThreadTask): Catalogue {
  const end = performance.now() + ms
  let pages = 0
  for (let ink = 'catalogue'; performance.now() < end; pages++) {
    ink = createHash('sha256').update(ink).digest('hex')
    // A loop that never lets its event loop run hears of a timeout or a shutdown nevertheless, if it asks now and then.
    if (pages % 1_000 === 0) signal.throwIfAborted()
  }
  log.info({ pages }, `rendered ${pages} pages on a thread`)
  return { pages }
}
