// What the checks share: the sources of a folder, parsed. TypeScript 7 has no JavaScript API, so oxc parses.
import { globSync, readFileSync } from 'node:fs'
import { sep } from 'node:path'
import { parseSync } from 'oxc-parser'

export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}
export interface Comment {
  readonly value: string
  readonly start: number
  readonly end: number
}
export interface Source {
  /** Relative to the root, with forward slashes. */
  readonly path: string
  readonly text: string
  readonly program: Node
  readonly comments: readonly Comment[]
}

export function readSources(folders: readonly string[], root: string): Source[] {
  const paths = folders.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }))
  return paths
    .map((path) => path.split(sep).join('/'))
    .filter((path) => !path.includes('node_modules/') && !path.includes('/dist/') && !path.endsWith('.d.ts'))
    .toSorted()
    .map((path) => readSource(path, root))
}

function readSource(path: string, root: string): Source {
  const text = readFileSync(`${root}/${path}`, 'utf8')
  const { program, comments, errors } = parseSync(path, text)
  if (errors.length > 0) throw new SyntaxError(`${path}: ${errors[0]?.message ?? 'cannot be parsed'}`)
  return { path, text, program: program as unknown as Node, comments }
}

/** Calls `visit` for the node and everything below it, parents first. */
export function walk(node: Node, visit: (node: Node, parent: Node | undefined) => void, parent?: Node): void {
  visit(node, parent)
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, visit, node)
  }
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

/** 1-based. */
export function lineOf(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++
  return line
}
