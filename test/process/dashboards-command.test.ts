// `koa-afterglow dashboards` as it is called.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'
import { UIDS } from '../../dashboards/config.ts'
import { root, Started, type Ended } from '../support/otel-process.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'afterglow-dashboards-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const command = (...args: readonly string[]): Promise<Ended> =>
  new Started([join(root, 'src/cli/main.ts'), 'dashboards', ...args], {}, { cwd: folder }).ends()
const filesIn = (path: string): readonly string[] =>
  readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.\w+$/.test(name))
    .toSorted()

describe('koa-afterglow dashboards', () => {
  it('writes every dashboard, rule, datasource and runbook, and says what to do with them', async () => {
    const { code, stdout, stderr } = await command('--out', 'ops', '--selector', 'cluster="eu"')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const word of ['grafana', 'rules', 'provisioning', 'runbooks', join(folder, 'ops')])
      expect(stdout).toContain(word)
    for (const name of ['grafana', 'rules', 'provisioning']) {
      const shipped = filesIn(join(root, 'dashboards', name)).filter((file) => /\.(json|yaml)$/.test(file))
      expect(shipped.length).toBeGreaterThan(0)
      expect(filesIn(join(folder, 'ops', name))).toEqual(shipped)
    }
    expect(filesIn(join(folder, 'ops', 'runbooks'))).toEqual(filesIn(join(root, 'docs', 'runbooks')))
  })

  it('writes what can be read, under the same uids, with the selector in it', async () => {
    await command('--out', 'ops', '--selector', 'cluster="eu"', '--grafana-url', 'https://grafana.example/')
    const text = (path: string): string => readFileSync(join(folder, 'ops', path), 'utf8')
    const dashboards = filesIn(join(folder, 'ops', 'grafana')).map((name) => text(join('grafana', name)))
    const known: readonly string[] = Object.values(UIDS)
    for (const one of dashboards) expect(known).toContain((JSON.parse(one) as { uid: string }).uid)
    for (const one of dashboards.filter((json) => json.includes('afterglow_')))
      expect(one).toContain('cluster=\\"eu\\"')
    for (const name of filesIn(join(folder, 'ops', 'rules'))) {
      const rules = text(join('rules', name))
      expect(rules).toContain('cluster="eu"')
      expect(rules).not.toContain('localhost')
      expect(parse(rules)).toHaveProperty('groups')
    }
    for (const name of filesIn(join(folder, 'ops', 'provisioning')))
      expect(parse(text(join('provisioning', name)))).toHaveProperty('apiVersion', 1)
  })

  it('writes over what it wrote, and leaves what is not its own', async () => {
    await command('--out', 'ops', '--selector', 'cluster="eu"')
    writeFileSync(join(folder, 'ops', 'grafana', 'mine.json'), '{}')
    expect(await command('--out', 'ops', '--selector', 'cluster="us"')).toMatchObject({ code: 0 })
    expect(readFileSync(join(folder, 'ops', 'grafana', 'mine.json'), 'utf8')).toBe('{}')
    expect(readFileSync(join(folder, 'ops', 'grafana', `${UIDS.runner}.json`), 'utf8')).not.toContain(
      String.raw`\"eu\"`,
    )
  })

  it.each([
    [[], '--out is missing'],
    [['--out', ''], '--out is missing'],
    [['ops'], "unexpected 'ops'"],
    [['--out', 'ops', '--', 'x'], "unexpected 'x'"],
    [['--out', 'ops', '--selektor', 'x'], '--selektor'],
    [['--out', 'ops', '--selector', 'job=shop'], "--selector cannot be read from 'job=shop' on"],
    [['--out', 'ops', '--grafana-url', 'grafana.example'], '--grafana-url takes an address such as'],
    [['--out', 'ops', '--grafana-url', 'ftp://grafana.example'], '--grafana-url takes an address such as'],
    [['--out', 'ops', '--grafana-url', 'https://x/?orgId=2'], 'without what is after ?'],
    [['--out', 'ops', '--source-url-template', 'https://x/{path}'], 'has no {line}'],
    [['--out', 'ops', '--source-url-template', 'https://x/{path}/{line}/{sha}'], "not '{sha}'"],
    [['--out', 'ops', '--source-url-template', 'x/{path}#{line}'], 'with its scheme'],
    [['--out', 'ops', '--source-url-template', 'https://x/{path}#{line}$'], 'write %24'],
    [['--out', 'ops', '--source-root', '/app'], 'says nothing without --source-url-template'],
    [['--out', 'ops', '--source-url-template', 'https://x/{path}#{line}', '--source-root', 'app'], 'an absolute path'],
  ])('refuses %j, in one sentence, and writes nothing', async (args, words) => {
    const { code, stdout, stderr } = await command(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(words)
    expect(stderr).toContain('Usage: koa-afterglow dashboards')
    expect(readdirSync(folder)).toEqual([])
  })

  it('says so where it cannot write', async () => {
    writeFileSync(join(folder, 'ops'), 'a file')
    const { code, stderr } = await command('--out', 'ops')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^koa-afterglow: cannot write to .*ops: [A-Z]+/)
  })

  it('explains itself, in the words of the whole command line too', async () => {
    expect(await command('--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('--source-url-template') })
    const main = new Started([join(root, 'src/cli/main.ts')], {})
    expect(await main.ends()).toMatchObject({ code: 0, stdout: expect.stringContaining('dashboards') })
  })
})
