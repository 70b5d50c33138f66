import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parentsOf, readManifest } from './project.ts'
import type { Manifest } from './project.ts'

export const PACKAGE = 'koa-afterglow'

/** The package.json that this file was published with; those of `dist/` have no name. */
export function ownManifest(): Manifest {
  const here = dirname(fileURLToPath(import.meta.url))
  for (const folder of parentsOf(here)) {
    const manifest = readManifest(folder)
    if (manifest?.name === PACKAGE) return manifest
  }
  return {}
}
