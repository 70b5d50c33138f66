import { createHash } from 'node:crypto'
import type { SourcePosition } from './source-position.ts'

export interface FingerprintParts {
  /** Of the error and of its causes, from the outside in. */
  readonly types: readonly string[]
  readonly message: string
  readonly position: SourcePosition | undefined
}

/**
 * Equal for failures of the same kind at the same place. It is made of the types of the error and its causes, of the
 * function and the file name (without folder and extension) of the first frame in the application, and of the message
 * without what varies: numbers, ids, quoted texts, URLs, paths, e-mail addresses. Not of lines, so that an edit above it,
 * another folder or another build leave it as it is.
 */
export function fingerprint({ types, message, position }: FingerprintParts): string {
  const place = position ? `${position.function ?? ''} ${baseOf(position.file)}` : ''
  return createHash('sha1')
    .update(`${types.join(' < ')}\n${place}\n${shapeOf(message)}`)
    .digest('hex')
    .slice(0, 16)
}

const baseOf = (file: string): string => (file.split(/[\\/]/).at(-1) ?? '').replace(/\.[cm]?[jt]sx?$/, '')

const VARIES: readonly RegExp[] = [
  /\b[a-z][a-z0-9+.-]{1,20}:\/\/\S+/gi,
  /"[^"]*"|'[^']*'|`[^`]*`/g,
  /[\w.+-]{1,64}@[\w.-]{1,255}/g,
  /(?:[A-Za-z]:)?(?:[\\/][\w.@-]+){2,}/g,
  /\b[0-9a-f]{8,}\b|[\w-]{0,64}\d[\w-]*/gi,
]

const shapeOf = (message: string): string => VARIES.reduce((shape, varies) => shape.replace(varies, '#'), message)
