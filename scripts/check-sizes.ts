// Small files and functions are a rule here, not a taste. Excess fails unless a comment `// size: <reason>` argues the
// exception: above the first statement for a file, above or on the first lines of a function for a function.
// Tests are exempt: a `describe` is a long function by nature.
import { resolve } from 'node:path'
import type { Node, Source } from './lib/sources.ts'
import { isNode, lineOf, readSources, walk } from './lib/sources.ts'

const limits = { file: 250, function: 60, parameters: 3 }
const aims = { fileMedian: 90, functionP95: 40 }
const functionTypes = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'TSDeclareFunction',
])

const root = resolve(process.argv[2] ?? `${import.meta.dirname}/..`)
const sources = readSources(['src', 'examples', 'bench', 'dashboards', 'scripts'], root)
const fileSizes: number[] = []
const functionSizes: number[] = []
const excess: string[] = []
const argued: string[] = []

for (const source of sources) {
  const lines = source.text.trimEnd().split('\n').length
  fileSizes.push(lines)
  if (lines > limits.file) report(`${source.path} has ${lines} lines (at most ${limits.file})`, fileReason(source))
  walk(source.program, (node, parent) => {
    if (functionTypes.has(node.type)) measure(source, node, parent)
  })
}

for (const line of argued) console.log(`argued: ${line}`)
for (const line of excess) console.error(`excess: ${line}`)
summarise('files', fileSizes)
summarise('functions', functionSizes)
if (quantile(fileSizes, 0.5) > aims.fileMedian) console.log(`aim missed: median file <= ${aims.fileMedian}`)
if (quantile(functionSizes, 0.95) > aims.functionP95) console.log(`aim missed: p95 function <= ${aims.functionP95}`)
if (excess.length > 0) process.exitCode = 1

function measure(source: Source, node: Node, parent: Node | undefined): void {
  const first = lineOf(source.text, node.start)
  const lines = lineOf(source.text, node.end) - first + 1
  const parameters = (node['params'] as Node[]).filter((item) => item['name'] !== 'this').length
  const name = `${source.path}:${first} ${nameOf(node) ?? nameOf(parent) ?? 'a function'}`
  functionSizes.push(lines)
  if (lines > limits.function) {
    report(`${name} has ${lines} lines (at most ${limits.function})`, functionReason(source, first))
  }
  if (parameters > limits.parameters) {
    report(`${name} takes ${parameters} parameters (at most ${limits.parameters})`, functionReason(source, first))
  }
}

function nameOf(node: Node | undefined): string | undefined {
  const label = node?.['id'] ?? node?.['key']
  return isNode(label) && typeof label['name'] === 'string' ? label['name'] : undefined
}

function report(line: string, reason: string | undefined): void {
  if (reason) argued.push(`${line}: ${reason}`)
  else excess.push(line)
}

function fileReason(source: Source): string | undefined {
  const body = source.program['body'] as Node[]
  const end = body[0]?.start ?? source.text.length
  return reasonIn(source, (start) => start < end)
}

function functionReason(source: Source, first: number): string | undefined {
  return reasonIn(source, (start) => Math.abs(lineOf(source.text, start) - first) <= 2)
}

function reasonIn(source: Source, isNear: (start: number) => boolean): string | undefined {
  for (const comment of source.comments) {
    const reason = /^\s*size:\s*(.{10,})/.exec(comment.value)?.[1]
    if (reason && isNear(comment.start)) return reason
  }
  return undefined
}

function summarise(what: string, sizes: readonly number[]): void {
  const [median, p95, most] = [0.5, 0.95, 1].map((share) => quantile(sizes, share))
  console.log(`${what}: ${sizes.length}, lines median ${median}, p95 ${p95}, max ${most}`)
}

function quantile(sizes: readonly number[], share: number): number {
  const sorted = sizes.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}
