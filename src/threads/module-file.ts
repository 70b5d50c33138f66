import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ThreadModuleError } from '../core/errors.ts'

const OTHERS: Readonly<Record<string, string>> = {
  '.ts': '.js',
  '.mts': '.mjs',
  '.cts': '.cjs',
  '.js': '.ts',
  '.mjs': '.mts',
  '.cjs': '.cts',
}

/**
 * The file that a definition names. A compiler leaves the text of a URL as it is, so `./work.ts` may be `./work.js` by the
 * time it runs, and the other way round where sources run as they are.
 * @throws ThreadModuleError if there is no such file
 */
export function moduleHref(url: URL, name: string): string {
  if (isThere(url.href)) return url.href
  const [, extension = ''] = /(\.[cm]?[jt]s)$/.exec(url.pathname) ?? []
  const other = new URL(url.href)
  other.pathname = `${url.pathname.slice(0, -extension.length)}${OTHERS[extension] ?? ''}`
  if (extension && isThere(other.href)) return other.href
  const path = fileURLToPath(url.href)
  const hint = extension ? ` (nor ${OTHERS[extension]} in place of ${extension})` : ''
  throw new ThreadModuleError(
    `task '${name}': there is no file ${path}${hint}; \`thread\` takes new URL('./work.js', import.meta.url)`,
  )
}

const isThere = (href: string): boolean => existsSync(fileURLToPath(href))
