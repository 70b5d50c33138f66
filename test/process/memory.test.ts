import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import type { MemoryReport } from '../support/http-memory.ts'
import { root } from '../support/otel-process.ts'

/** Node's pool of parsers may keep the last one or two that it served, whoever that was. */
const POOLED = 2
function expectNothing(retained: MemoryReport['retained'], what: readonly (keyof MemoryReport['retained'])[]): void {
  for (const one of what) expect([one, retained[one] <= POOLED]).toEqual([one, true])
}

/** What is left in a process of its own; `AFTERGLOW_NODE` is the Node to try instead of this one. */
function measured(mode: 'waiting' | 'left' | 'resources'): MemoryReport {
  const script = join(root, 'test/support/http-memory.ts')
  const args = ['--expose-gc', '--conditions=koa-afterglow-source', script, mode]
  const printed = execFileSync(process.env['AFTERGLOW_NODE'] ?? process.execPath, args, { cwd: root, encoding: 'utf8' })
  return JSON.parse(printed) as MemoryReport
}

describe("rule 5: with http instrumentation and Koa's asyncLocalStorage on", () => {
  test('a task that waits retains nothing of its request, and at most 1 KB', () => {
    const report = measured('waiting')
    expect(report.serverSpans).toBe(10_000)
    expect(report.inFlight).toBe(10_000)
    expectNothing(report.retained, ['ctx', 'req', 'res', 'span'])
    expect(report.bytesPerTask).toBeLessThanOrEqual(1_024)
  }, 60_000)

  test('a task added after the client left retains nothing of its request, nor its span', () => {
    const report = measured('left')
    expect(report.inFlight).toBe(220)
    expectNothing(report.retained, ['ctx', 'req', 'res', 'span'])
  }, 60_000)

  test('a loop and a pooled connection that a handler started do not retain its request through us', () => {
    const report = measured('resources')
    expect(report.requests).toBe(200)
    expectNothing(report.retained, ['ctx', 'req', 'res'])
  }, 60_000)
})
