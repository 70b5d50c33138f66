// Runs on threads, never in the server's own: started by `services.threads`, see services.ts.
import { createHash } from 'node:crypto'

export interface Catalogue {
  readonly pages: number
}

/** Stands for a PDF, an image or a report: it keeps one core busy, without a pause, for as long as it is told. */
export function renderCatalogue({ ms }: { readonly ms: number }): Catalogue {
  const end = performance.now() + ms
  let pages = 0
  for (let ink = 'catalogue'; performance.now() < end; pages++) ink = createHash('sha256').update(ink).digest('hex')
  return { pages }
}
