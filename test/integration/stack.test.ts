// `npm run stack:up`, as a person starts and stops it.
import { createServer } from 'node:net'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { binaryOf, BUILD_MS, freePorts, root, run, suiteWith } from '../support/collector.ts'
import { ObservedApp } from '../support/observed-app.ts'
import { Started } from '../support/otel-process.ts'

jest.setTimeout(60_000)
const suite = suiteWith(['collector', 'prometheus'], import.meta.filename)

const names = ['GRPC', 'HTTP', 'HEALTH', 'SELF_METRICS'].map((name) => `OTELCOL_${name}_PORT`)

describe('npm run stack:up', () => {
  let folder: string
  let ports: readonly number[]
  let env: Readonly<Record<string, string>>
  const stacks: Started[] = []

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'afterglow-stack-'))
    ports = await freePorts(5)
    const given = [...names, 'PROMETHEUS_PORT'].map((name, at) => [name, String(ports[at])])
    env = { ...(Object.fromEntries(given) as Record<string, string>), AFTERGLOW_STACK_DIR: folder }
  })
  afterEach(async () => {
    for (const one of stacks.splice(0)) one.kill()
    await rm(folder, { recursive: true, force: true })
  })

  const up = (more: Readonly<Record<string, string>> = {}, ...flags: readonly string[]): Started => {
    const stack = new Started(['stack/up.ts', ...flags], { ...env, ...more })
    stacks.push(stack)
    return stack
  }

  it('says in one line what is missing where there are no binaries, and no Go to build them with', async () => {
    const nothing = { KOA_AFTERGLOW_CACHE: join(folder, 'cache'), PATH: folder }
    const { code, stdout, stderr } = await up(nothing).ends()
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(stderr).toMatch(/^stack: \w+ is built from Go modules, and there is no Go on this machine's PATH\. .*\n$/)
  })

  it('does not know flags that there are not', async () => {
    expect(await up({}, '--tail').ends()).toMatchObject({ code: 1, stderr: 'stack: there is no --tail\n' })
  })

  suite('with the binaries', () => {
    beforeAll(async () => {
      for (const tool of ['collector', 'prometheus'] as const) await binaryOf(tool)
    }, BUILD_MS)

    it('takes what an app sends: metrics to Prometheus, traces and logs to files; Ctrl-C leaves nothing behind', async () => {
      const stack = up()
      const [text] = await stack.says('stdout', /^[^]*Ctrl-C\n/)
      for (const port of ports) expect(text).toContain(`:${port}`)
      const [, http] = ports
      await using app = await ObservedApp.start(`http://127.0.0.1:${http}`)
      await app.get('/fails')
      await app.says(/"task failed"/)
      await app.stop()

      const query = /curl '(\S+)'/.exec(text)?.[1] ?? ''
      await eventually(async () => (await (await fetch(query)).text()).includes('"fails"'))
      await eventually(async () => (await readFile(join(folder, 'traces.jsonl'), 'utf8')).includes('run fails'))
      await eventually(async () => (await readFile(join(folder, 'logs.jsonl'), 'utf8')).includes('task failed'))

      const { code, stderr } = await stack.ends('SIGINT')
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(await left()).toEqual([])
    })

    it('names the port that is taken, and the variable that chooses another', async () => {
      const other = createServer().listen(ports[1], '127.0.0.1')
      await once(other, 'listening')
      const { code, stderr } = await up().ends()
      other.close()
      expect(code).toBe(1)
      expect(stderr).toMatch(new RegExp(`^stack: port ${ports[1]} is taken: .*OTELCOL_HTTP_PORT=\\d+\\n$`))
    })

    it('ends as a whole if one of the two does, and says why', async () => {
      const stack = up({ OTELCOL_MEMORY_MIB: 'plenty' })
      const { code, stderr } = await stack.ends()
      expect(code).toBe(1)
      expect(stderr).toMatch(/stack: collector ended \(exit code 1\):[^]*limit_mib/)
      expect(await left()).toEqual([])
    })
  })

  /** Programs that were started with files of this test and still run. */
  async function left(): Promise<string[]> {
    if (process.platform === 'linux') {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
      const reads = pids.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => ''))
      const environments = await Promise.all(reads)
      return environments.filter((text) => text.includes(folder))
    }
    const { stdout } = await run('ps', ['-A', '-o', 'args'])
    return stdout
      .split('\n')
      .filter((line) => line.includes(folder) || line.includes(join(root, 'otel-collector.yaml')))
  }
})

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000
  while (!(await holds().catch(() => false))) {
    if (performance.now() > end) throw new Error('waited 20 s in vain')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
