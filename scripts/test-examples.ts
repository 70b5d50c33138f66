// Runs the packages of examples/testing as their readers would: each in a folder of its own, with what `npm publish` would
// upload installed from a file, and its own compiler and test runner. `--outputFile=FILE` sums their reports as Jest's does.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  /** Vitest has none. */
  readonly numRuntimeErrorTestSuites?: number
  readonly success: boolean
}

const root = resolve(import.meta.dirname, '..')
const examples = join(root, 'examples/testing')
const outputFile = process.argv.find((one) => one.startsWith('--outputFile='))?.slice('--outputFile='.length)
const wanted = process.argv.slice(2).filter((one) => !one.startsWith('--'))
const temporary = mkdtempSync(join(tmpdir(), 'koa-afterglow-examples-'))
const sum = {
  numPassedTests: 0,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  numRuntimeErrorTestSuites: 0,
  success: true,
}

try {
  const tarball = pack()
  for (const { name } of readdirSync(examples, { withFileTypes: true }).filter((one) => one.isDirectory()))
    if (wanted.length === 0 || wanted.includes(name)) add(name, run(name, tarball))
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
if (outputFile) writeFileSync(outputFile, JSON.stringify(sum))
console.log(`examples: ${sum.numPassedTests} passed, ${sum.numFailedTests + sum.numRuntimeErrorTestSuites} failed`)
if (!sum.success || sum.numPassedTests === 0) process.exitCode = 1

function pack(): string {
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', temporary]
  const packed = execFileSync('npm', args, { cwd: root, encoding: 'utf8' })
  const [name] = /[\w.-]+\.tgz/.exec(packed) ?? []
  if (!name) throw new Error(`npm pack named no file: ${packed}`)
  return join(temporary, name)
}

/** Its report; undefined if it could not even be installed, compiled or started. */
function run(name: string, tarball: string): Report | undefined {
  console.log(`\n--- examples/testing/${name}`)
  const folder = join(temporary, name)
  mkdirSync(folder)
  const own = (path: string) => !path.includes('node_modules')
  cpSync(join(examples, name), folder, { recursive: true, filter: own })
  const report = join(folder, 'report.json')
  const reporter = name === 'vitest' ? ['--reporter=default', '--reporter=json'] : ['--ci', '--json']
  const npm = (...args: readonly string[]) => spawnSync('npm', args, { cwd: folder, stdio: 'inherit' }).status === 0
  if (!npm('install', tarball, '--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline')) return undefined
  const passed = npm('test', '--', ...reporter, `--outputFile=${report}`)
  try {
    const read = JSON.parse(readFileSync(report, 'utf8')) as Report
    return { ...read, success: read.success && passed }
  } catch {
    return undefined
  }
}

function add(name: string, report: Report | undefined): void {
  if (!report) {
    console.error(`examples/testing/${name} gave no report`)
    sum.numRuntimeErrorTestSuites++
    sum.success = false
    return
  }
  sum.numPassedTests += report.numPassedTests
  sum.numFailedTests += report.numFailedTests
  sum.numPendingTests += report.numPendingTests
  sum.numTodoTests += report.numTodoTests
  sum.numRuntimeErrorTestSuites += report.numRuntimeErrorTestSuites ?? 0
  sum.success &&= report.success
}
