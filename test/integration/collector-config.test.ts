// The shipped configuration files, judged by the real collector: alone and with each combination of overlays.
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { beforeAll, expect, it } from '@jest/globals'
import {
  binaryOf,
  BUILD_MS,
  debugging,
  run,
  shippedConfig,
  stackOverlay,
  startCollector,
  suiteWith,
  tailSampling,
} from '../support/collector.ts'

const suite = suiteWith(['collector'], import.meta.filename)

/** In the order in which they are given: what prints or writes comes last. */
const overlays = [tailSampling, stackOverlay, debugging]
const combinations = overlays.reduce<string[][]>((all, one) => [...all, ...all.map((before) => [...before, one])], [[]])
const named = combinations.map(
  (files) => [files.map((file) => basename(file)).join(' and ') || 'no overlay', files] as const,
)

const configs = (files: readonly string[]) => [shippedConfig, ...files].flatMap((file) => ['--config', file])

suite('the configuration of the collector', () => {
  let binary: string
  beforeAll(async () => {
    binary = await binaryOf('collector')
  }, BUILD_MS)

  it.each(named)('is valid with %s', async (_name, files) => {
    const { exitCode, stderr } = await run(binary, ['validate', ...configs(files)])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  })

  it.each(named)('starts with %s, and uses nothing that the collector calls deprecated', async (_name, files) => {
    await using collector = await startCollector({ overlays: files, readBack: false })
    expect(collector.output()).not.toMatch(/deprecat/i)
  })

  it('listens on the loopback interface only, unless OTELCOL_HOST says otherwise', async () => {
    const resolved = await printed([])
    const addresses = [...resolved.matchAll(/^\s*(?:endpoint|host): (\S+)$/gm)]
      .map(([, address = '']) => address)
      .filter((address) => address !== '""')
    expect(addresses.length).toBeGreaterThan(4)
    for (const address of addresses) expect(address).toMatch(/^(http:\/\/)?127\.0\.0\.1(:|$)/)
  })

  it('waits for tasks before it decides on a trace, and not just for the span of the request', async () => {
    const resolved = await printed([tailSampling])
    expect(resolved).toMatch(/decision_wait: 1m15s/)
    expect(resolved).not.toMatch(/decision_wait_after_root_received: [^0]/)
  })

  it('batches in its exporters, on disk, and not in a processor', async () => {
    const text = await readFile(shippedConfig, 'utf8')
    expect(text).not.toMatch(/^ {2}batch/m)
    const resolved = await printed([])
    expect(resolved.match(/storage: file_storage\/queue/g)).toHaveLength(3)
  })

  async function printed(files: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await run(binary, ['print-config', ...configs(files)])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    return stdout
  }
})
