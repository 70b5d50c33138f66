import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { blocks, read } from '../support/docs.ts'
import { root, Started } from '../support/otel-process.ts'

jest.setTimeout(60_000)

const ts = blocks('docs/shutdown.md', 'ts')
let app: Started
afterEach(() => app?.kill())

const env = { PORT: '0', OTEL_SDK_DISABLED: 'true' }
type Line = Readonly<Record<string, unknown>>
const parsed = (stdout: string): Line[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)

async function start(program: string, more: Readonly<Record<string, string>> = {}, ipc = false): Promise<string> {
  const args = ['--import', 'koa-afterglow/otel', program]
  app = new Started(args, { ...env, ...more }, { ipc, limitMs: 30_000 })
  const [, port] = await app.says('stdout', /"port":(\d+),"msg":"ready"/, 30_000)
  return `http://127.0.0.1:${port}`
}

/** Each request adds a task of 100 ms; fetch keeps its connections. */
const visit = (url: string, count: number) =>
  Promise.all(Array.from({ length: count }, async () => (await fetch(url)).status))

const completed = (lines: readonly Line[]) => lines.filter(({ msg }) => msg === 'task completed').length

describe('docs/shutdown.md', () => {
  test.each(['service', 'own', 'cluster'])('shows the program that is tested: %s', (name) => {
    expect(ts).toContain(read(`test/examples/shutdown-${name}.ts`))
  })

  test('gracefulShutdown: stages, the report, and what the tasks used last', async () => {
    const url = await start('test/examples/shutdown-service.ts')
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect(await visit(url, 5)).toEqual([200, 200, 200, 200, 200])
    const { code, stdout, stderr } = await app.ends('SIGTERM')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lines = parsed(stdout)
    expect(completed(lines)).toBe(5)
    expect(lines.map(({ stage }) => stage).filter(Boolean)).toEqual([
      'unready',
      'server',
      'tasks',
      'closing',
      'telemetry',
      'done',
    ])
    const messages = lines.map(({ msg }) => msg)
    expect(messages.indexOf('drained')).toBeLessThan(messages.indexOf('database ended'))
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'closed', interrupted: [] }))
  })

  test('a handler of one’s own: no first, then the server, the tasks, and what they used', async () => {
    const url = await start('test/examples/shutdown-own.ts', { READY_DELAY_MS: '300' })
    expect(await visit(url, 5)).toEqual([200, 200, 200, 200, 200])
    const { code, stdout, stderr } = await app.ends('SIGTERM')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lines = parsed(stdout)
    expect(completed(lines)).toBe(5)
    expect(lines.slice(-3)).toMatchObject([
      { msg: 'drained' },
      { msg: 'database ended' },
      { msg: 'closed', interrupted: [] },
    ])
  })

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'cluster: %s to the primary drains every worker, and it ends last',
    async (signal) => {
      const url = await start('test/examples/shutdown-cluster.ts')
      await app.says('stdout', /"msg":"ready"[^]*"msg":"ready"/, 30_000)
      expect(new Set(await visit(url, 20))).toEqual(new Set([200]))
      const { code, stdout, stderr } = await app.ends(signal)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const lines = parsed(stdout)
      expect(completed(lines)).toBe(20)
      expect(lines.filter(({ msg }) => msg === 'closed')).toMatchObject([{ interrupted: [] }, { interrupted: [] }])
    },
  )

  // PM2 itself is not installed: this sends what its God process sends, as of PM2 7: a message, SIGINT, later SIGKILL.
  test('PM2: it is told `ready`, its SIGINT drains, and the channel that it holds keeps nothing alive', async () => {
    const args = ['--import', 'koa-afterglow/otel', 'test/examples/shutdown-service.ts']
    app = new Started(args, env, { ipc: true, limitMs: 26_000 })
    expect(await app.tells()).toBe('ready')
    const [, port] = await app.says('stdout', /"port":(\d+),"msg":"ready"/, 30_000)
    expect(await visit(`http://127.0.0.1:${port}`, 5)).toEqual([200, 200, 200, 200, 200])
    const { code, stdout, stderr } = await app.ends('SIGINT')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(completed(parsed(stdout))).toBe(5)
  })

  test('the numbers for Kubernetes and PM2 are such that doctor has nothing to say', () => {
    const folder = mkdtempSync(join(tmpdir(), 'recipes-'))
    try {
      writeFileSync(join(folder, 'deploy.yaml'), blocks('docs/shutdown.md', 'yaml')[0] ?? '')
      writeFileSync(join(folder, 'ecosystem.config.cjs'), blocks('docs/shutdown.md', 'js')[0] ?? '')
      writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
      const main = join(root, 'src/cli/main.ts')
      const flags = ['--conditions=koa-afterglow-source', main, 'doctor', '--json', '--kubernetes', 'deploy.yaml']
      const { stdout } = spawnSync(process.execPath, flags, { cwd: folder, encoding: 'utf8' })
      const { findings } = JSON.parse(stdout) as { findings: { id: string; status: string }[] }
      const about = findings.filter(({ id }) => id === 'kubernetes' || id === 'pm2')
      expect(new Set(about.map(({ id }) => id))).toEqual(new Set(['kubernetes', 'pm2']))
      expect(about.filter(({ status }) => status !== 'ok')).toEqual([])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
