// The programs that the integration tests run, built from pinned Go modules into a cache folder outside git:
//   node stack/build.ts [collector] [prometheus] [compose]    builds them unless they are there, prints their paths (stdout)
//   node stack/build.ts [collector] [prometheus] [compose] --check    only says whether they are there or can be built
// Exit codes: 0 done, 1 failed, 3 there is no Go to build with (the reason is one line on stderr: report "skipped").
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir, setPriority } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

interface Tool {
  /** The file that starts it. More binaries may stand beside it. */
  readonly binary: string
  /** Everything that decides what comes out: another text is another cache folder. */
  readonly recipe: string
  /** Leaves the binaries in `out`; runs in `work`, an empty folder that is deleted afterwards. */
  readonly build: (work: string, out: string) => void
}

const compile = ['build', '-mod=mod', '-trimpath', '-ldflags=-s -w']

export const tools = { collector: collector(), prometheus: prometheus(), compose: compose() } satisfies Record<
  string,
  Tool
>

export type ToolName = keyof typeof tools

/** The folder that the tool is, or will be, in. */
export function cacheFolder(name: ToolName): string {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${compile.join(' ')}\n`)
  hash.update(tools[name].recipe)
  const root = process.env['KOA_AFTERGLOW_CACHE'] || join(homedir(), '.cache', 'koa-afterglow')
  return join(root, `${name}-${hash.digest('hex').slice(0, 12)}`)
}

function collector(): Tool {
  const manifest = join(import.meta.dirname, 'otelcol-builder.yaml')
  const text = readFileSync(manifest, 'utf8')
  const name = /^ {2}name: (\S+)$/m.exec(text)?.[1] ?? 'otelcol'
  const version = `v${/^ {2}version: (\S+)$/m.exec(text)?.[1]}`
  const modules = [...text.matchAll(/^ {2}- gomod: (\S+) (v\S+)/gm)].map(([, path, pin]) => `${path}@${pin}`)
  return {
    binary: executable(name),
    recipe: text,
    build(work, out) {
      const builder = `go.opentelemetry.io/collector/cmd/builder@${version}`
      go(work, ['run', builder, '--config', manifest, '--skip-get-modules', '--skip-compilation'])
      // The builder would `go mod tidy`, which also fetches what the components' own tests import. Compiling needs none
      // of it, and every version is fixed by the manifest all the same: Go takes the least that satisfies all pins.
      const sources = join(work, name)
      requireModules(sources, [`go.opentelemetry.io/collector/otelcol@${version}`, ...modules])
      go(sources, [...compile, '-tags=grpcnotrace', '-o', join(out, executable(name)), '.'])
    },
  }
}

function prometheus(): Tool {
  const module = 'github.com/prometheus/prometheus'
  const pin = `${module}@v0.316.0` // Prometheus 3.16.0
  const tags = '-tags=netgo,remove_all_sd' // without the cloud providers' service discovery
  return {
    binary: executable('prometheus'),
    recipe: `${pin} ${tags}`,
    build(work, out) {
      requireModules(work, [pin])
      go(work, [...compile, tags, '-o', out, `${module}/cmd/prometheus`, `${module}/cmd/promtool`])
    },
  }
}

/** What docker compose reads its files with, by itself: it says whether a file is one, and what becomes of it. */
function compose(): Tool {
  const module = 'github.com/compose-spec/compose-go/v2'
  const pin = `${module}@v2.16.2`
  return {
    binary: executable('compose'),
    recipe: pin,
    build(work, out) {
      requireModules(work, [pin])
      go(work, [...compile, '-o', join(out, executable('compose')), `${module}/cmd`])
    },
  }
}

function requireModules(folder: string, pins: string[]): void {
  go(folder, ['mod', 'init', 'afterglow.invalid/stack'])
  go(folder, ['mod', 'edit', ...pins.map((pin) => `-require=${pin}`)])
}

function go(cwd: string, args: string[]): void {
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' }
  // What Go says goes to stderr: stdout carries the path alone.
  const { status, error } = spawnSync('go', args, { cwd, env, stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error(`\`go ${args[0]}\` failed: ${error?.message ?? `exit code ${status}`}`)
}

function executable(name: string): string {
  return process.platform === 'win32' ? `${name}.exe` : name
}

function build(name: ToolName, folder: string): void {
  mkdirSync(join(folder, '..'), { recursive: true })
  // Built beside its place and moved there whole: a build that was stopped never looks like a finished one.
  const unfinished = mkdtempSync(`${folder}.`)
  const [work, out] = [join(unfinished, 'work'), join(unfinished, 'out')]
  try {
    mkdirSync(work)
    mkdirSync(out)
    tools[name].build(work, out)
    if (!existsSync(folder)) renameSync(out, folder)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

/** The path of the binary if it is there. */
export function builtBinary(name: ToolName): string | undefined {
  const binary = join(cacheFolder(name), tools[name].binary)
  return existsSync(binary) ? binary : undefined
}

/** Why the tool can neither be run nor built, or undefined. */
export function missing(name: ToolName): string | undefined {
  if (builtBinary(name) !== undefined || spawnSync('go', ['version']).status === 0) return undefined
  return `${name} is built from Go modules, and there is no Go on this machine's PATH`
}

/** Builds the tool unless it is there; minutes, once per machine. Returns the binary's path. */
export function built(name: ToolName): string {
  const there = builtBinary(name)
  if (there !== undefined) return there
  const folder = cacheFolder(name)
  setPriority(10) // children inherit it: a build takes minutes and should not slow what runs beside it
  say(0, `building ${name} (once; some minutes) into ${folder}`)
  build(name, folder)
  return join(folder, tools[name].binary)
}

function main(names: readonly string[], check: boolean): number {
  for (const name of names) {
    if (!isToolName(name)) return say(1, `stack/build.ts knows ${Object.keys(tools).join(', ')}, not ${name}`)
    const reason = missing(name)
    if (reason !== undefined) return say(3, reason)
    if (!check) process.stdout.write(`${built(name)}\n`)
  }
  return 0
}

function isToolName(name: string): name is ToolName {
  return Object.hasOwn(tools, name)
}

function say(exitCode: number, line: string): number {
  process.stderr.write(`${line}\n`)
  return exitCode
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const args = process.argv.slice(2)
  const names = args.filter((arg) => !arg.startsWith('-'))
  try {
    process.exitCode = main(names.length > 0 ? names : ['collector'], args.includes('--check'))
  } catch (error) {
    process.exitCode = say(1, String(error))
  }
}
