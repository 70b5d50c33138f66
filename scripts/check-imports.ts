// Fails when a file of src/ imports against the direction in lib/import-rules.ts, or when imports (also of types) form a cycle.
import { posix, resolve } from 'node:path'
import { admits, rules, zoneOf } from './lib/import-rules.ts'
import { importsOf } from './lib/imports.ts'
import { readSources } from './lib/sources.ts'

const root = resolve(process.argv[2] ?? `${import.meta.dirname}/..`)
const sources = readSources(['src'], root)
const known = new Set(sources.map(({ path }) => path))
const graph = new Map<string, string[]>()
const problems: string[] = []

for (const source of sources) {
  const targets: string[] = []
  graph.set(source.path, targets)
  for (const { specifier, typeOnly, line } of importsOf(source)) {
    const relative = specifier.startsWith('.')
    const target = relative ? posix.join(posix.dirname(source.path), specifier) : specifier
    const problem = relative ? judgeFile(source.path, target) : judgePackage(source.path, specifier, typeOnly)
    if (problem) problems.push(`${source.path}:${line} ${problem}`)
    if (relative) targets.push(target)
  }
}
for (const cycle of findCycles(graph)) problems.push(`cycle: ${cycle.join(' -> ')}`)

for (const problem of problems) console.error(problem)
console.log(`${sources.length} files, ${problems.length} import problems`)
if (problems.length > 0) process.exitCode = 1

function judgeFile(path: string, target: string): string | undefined {
  if (!known.has(target)) return `imports ${target}, which is not a source file of src/`
  const [from, to] = [zoneOf(path), zoneOf(target)]
  const rule = rules[from]
  if (!rule) return `is in "${from}", which scripts/lib/import-rules.ts does not know`
  if (from === to || rule.zones.includes(to)) return undefined
  return `imports ${target}: ${from} may import ${rule.zones.join(', ') || 'nothing outside itself'}`
}

function judgePackage(path: string, specifier: string, typeOnly: boolean): string | undefined {
  const from = zoneOf(path)
  const rule = rules[from]
  if (!rule) return `is in "${from}", which scripts/lib/import-rules.ts does not know`
  if (specifier.startsWith('node:') || admits(rule, specifier, typeOnly)) return undefined
  return `imports "${specifier}": ${from} may import node: built-ins and ${rule.packages.join(', ') || 'no package'}`
}

/** One path per cycle, found depth first: a file that is met again while still on the stack closes one. */
function findCycles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = []
  const done = new Set<string>()
  const stack: string[] = []
  const visit = (path: string): void => {
    if (done.has(path)) return
    const at = stack.indexOf(path)
    if (at !== -1) {
      cycles.push([...stack.slice(at), path])
      return
    }
    stack.push(path)
    for (const next of edges.get(path) ?? []) visit(next)
    stack.pop()
    done.add(path)
  }
  for (const path of edges.keys()) visit(path)
  return cycles
}
