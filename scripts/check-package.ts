// Judges what `npm publish` would upload: the packed file by publint and attw, and dist/ by loading every entry both ways
// and running a task on a thread, whose module is found by its place in dist/.
import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, unknown>>
  readonly bin: Readonly<Record<string, string>>
}

const root = resolve(import.meta.dirname, '..')
const folder = join(root, '.cache/pack')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
const run = (file: string, args: readonly string[]): void => {
  execFileSync(file, args, { cwd: root, stdio: 'inherit' })
}

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
  cwd: root,
  encoding: 'utf8',
})
const [name] = /[\w.-]+\.tgz/.exec(packed) ?? []
if (!name) throw new Error(`npm pack named no file: ${packed}`)

run('publint', ['run', join(folder, name), '--strict'])
// Node 10 resolution knows no `exports`; every supported Node does.
run('attw', [join(folder, name), '--profile', 'node16', '--exclude-entrypoints', 'package.json'])

// What is made for one test runner loads there alone; the examples of testing do.
const elsewhere = ['./package.json', './testing/jest', './testing/vitest']
for (const entry of Object.keys(manifest.exports)) {
  if (!elsewhere.includes(entry)) compareFormats(entry.replace(/^\./, manifest.name))
}

checkCommand(join(folder, name))
checkDashboards()

/** The command line as it is installed, run on an application that has it installed: it and its probe are found in dist/. */
function checkCommand(tarball: string): void {
  const app = join(folder, 'app')
  const installed = join(app, 'node_modules', manifest.name)
  mkdirSync(installed, { recursive: true })
  run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
  writeFileSync(
    join(app, 'app.mjs'),
    `import Koa from 'koa'
    import { createTasks, gracefulShutdown } from '${manifest.name}'
    const tasks = createTasks({ logger: false })
    const server = new Koa().use(tasks.middleware()).listen(0)
    await gracefulShutdown({ server, tasks, telemetry: { shutdown: async () => {} } })`,
  )
  const bin = join(installed, manifest.bin[manifest.name] ?? '')
  const { stdout, stderr } = spawnSync(process.execPath, [bin, 'doctor', '--json', '--', process.execPath, 'app.mjs'], {
    cwd: app,
    encoding: 'utf8',
    env: { ...process.env, OTEL_SDK_DISABLED: 'true' },
  })
  const well = ['copies', 'start', 'middleware', 'stop']
  const { findings } = JSON.parse(stdout || '{ "findings": [] }') as { findings: { id: string; status: string }[] }
  const ill = well.filter((id) => !findings.some((finding) => finding.id === id && finding.status === 'ok'))
  if (ill.length > 0) throw new Error(`the packed command finds no ${ill.join(', ')}: ${stdout}${stderr}`)
  console.log(`${manifest.name} doctor: runs from the packed file`)
}

/** All that it writes comes out of the packed file, and needs no package but this one. */
function checkDashboards(): void {
  const app = join(folder, 'app')
  const bin = join(app, 'node_modules', manifest.name, manifest.bin[manifest.name] ?? '')
  run(process.execPath, [bin, 'dashboards', '--out', join(app, 'ops'), '--selector', 'cluster="eu"'])
  for (const path of ['grafana', 'rules', 'provisioning'])
    compareFiles(join('dashboards', path), join(app, 'ops', path))
  compareFiles(join('docs', 'runbooks'), join(app, 'ops', 'runbooks'))
}

function compareFiles(shipped: string, written: string): void {
  const names = (path: string): string => globSync('**/*.{json,yaml,md}', { cwd: path }).toSorted().join(' ')
  if (names(join(root, shipped)) !== names(written) || names(written) === '')
    throw new Error(
      `koa-afterglow dashboards wrote ${names(written) || 'nothing'} of ${shipped}: ${names(join(root, shipped))}`,
    )
}

runOnThread('esm.mjs', `import { createTasks, defineTask } from '${manifest.name}'`)
runOnThread('cjs.cjs', `const { createTasks, defineTask } = require('${manifest.name}')`)

takeOverAcross()

/** Tests in CommonJS of an application in ES modules: each has its own copy of the library. */
function takeOverAcross(): void {
  const code = `import { createRequire } from 'node:module'
    import assert from 'node:assert/strict'
    import { createTasks, defineTask } from '${manifest.name}'
    const { takeOver } = createRequire(import.meta.url)('${manifest.name}/testing')
    const tasks = createTasks({ logger: false })
    const double = defineTask({ name: 'double', run: (n) => n * 2 })
    const kit = takeOver(tasks)
    tasks.add(double, 21)
    await kit.idle()
    assert.equal(kit.task(double).outcome.value, 42)
    assert.equal(kit.telemetry.spans({ task: double }).length, 1)
    await kit.end()
    assert.equal(tasks.stats().submissions.accepted, 0)`
  writeFileSync(join(folder, 'across.mjs'), code)
  run(process.execPath, [join(folder, 'across.mjs')])
  console.log('tasks of one copy were taken over by another')
}

function runOnThread(file: string, load: string): void {
  writeFileSync(join(folder, 'work.js'), `export default (n) => n * 2\n`)
  const code = `${load}
    const thread = new URL('file://${join(folder, 'work.ts')}')
    const tasks = createTasks({ register: [] })
    tasks.add(defineTask({ name: 'double', thread }), 21).settled.then(async ({ value }) => {
      await tasks.close()
      if (value !== 42) process.exit(1)
    })`
  writeFileSync(join(folder, file), code)
  run(process.execPath, [join(folder, file)])
  console.log(`a task ran on a thread: ${file}`)
}

/** Both formats must load (no top-level await) and offer the same names. */
function compareFormats(specifier: string): void {
  const esm = namesOf(`import * as m from '${specifier}'`, 'module')
  const cjs = namesOf(`const m = require('${specifier}')`, 'commonjs')
  if (esm !== cjs) throw new Error(`${specifier} offers ${esm} as an ES module but ${cjs} by require()`)
  console.log(`${specifier}: ${esm || 'no names'}`)
}

function namesOf(load: string, format: 'module' | 'commonjs'): string {
  const print = `process.stdout.write(Object.keys(m).filter((n) => !n.startsWith('__') && n !== 'default' && n !== 'module.exports').toSorted().join(' '), () => process.exit())`
  return execFileSync(process.execPath, [`--input-type=${format}`, '-e', `${load}\n${print}`], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, OTEL_SDK_DISABLED: 'true' },
  })
}
