// compose.yaml, read by the library that docker compose reads it with.
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { binaryOf, BUILD_MS, root, run, suiteWith } from '../support/collector.ts'

const suite = suiteWith(['compose'], import.meta.filename)

interface Project {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly environment: Readonly<Record<string, string>>
        readonly ports?: readonly { readonly host_ip: string }[]
      }
    >
  >
}

suite('compose.yaml', () => {
  let folder: string
  let binary: string

  beforeAll(async () => {
    binary = await binaryOf('compose')
    folder = await mkdtemp(join(tmpdir(), 'afterglow-compose-'))
  }, BUILD_MS)
  afterAll(async () => {
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  const loaded = async (file: string) => {
    const { exitCode, stdout, stderr } = await run(binary, ['--format', 'json', file])
    return { exitCode, stderr, project: exitCode === 0 ? (JSON.parse(stdout) as Project) : undefined }
  }

  it('is one', async () => {
    const { exitCode, project } = await loaded(join(root, 'compose.yaml'))
    expect(exitCode).toBe(0)
    expect(Object.keys(project?.services ?? {})).toEqual(['lgtm', 'shop', 'traffic'])
    const ports = Object.values(project?.services ?? {}).flatMap(({ ports: of = [] }) => of)
    expect(new Set(ports.map(({ host_ip: host }) => host))).toEqual(new Set(['127.0.0.1']))
  })

  it('leaves the variables of the address of source code to Grafana', async () => {
    const { project } = await loaded(join(root, 'compose.yaml'))
    expect(project?.services['lgtm']?.environment['AFTERGLOW_SOURCE_URL']).toMatch(
      /^vscode:\/\/file.*\/\$\{path\}:\$\{line\}$/,
    )
  })

  it('would be refused with a key that there is not', async () => {
    const broken = join(folder, 'compose.yaml')
    await copyFile(join(root, 'compose.yaml'), broken)
    await writeFile(broken, '\n    restarts: always\n', { flag: 'a' })
    const { exitCode } = await loaded(broken)
    expect(exitCode).not.toBe(0)
  })
})
