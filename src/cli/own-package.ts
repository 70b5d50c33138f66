import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parentsOf, readManifest } from './project.ts'
import type { Manifest } from './project.ts'

export const PACKAGE = 'koa-afterglow'

/** The package.json that this file was published with; those of `dist/` have no name. */
export const ownManifest = (): Manifest => readManifest(ownFolder()) ?? {}

/** The folder of the package that this file was published with. */
export function ownFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url))
  return parentsOf(here).find((folder) => readManifest(folder)?.name === PACKAGE) ?? here
}
