import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { root } from '../support/otel-process.ts'

function linesOf(way: string) {
  const args = ['--conditions=koa-afterglow-source', join(root, 'test/support/exit-app.ts'), way]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  const lines = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  return {
    status,
    stderr,
    lines,
    unfinished: lines.filter((line) => line['otel.event.name'] === 'afterglow.unfinished'),
  }
}

describe('no accepted task ends unseen with its process', () => {
  const line = {
    level: 50,
    'afterglow.unfinished.count': 4,
    'afterglow.unfinished.names': ['first', 'dependent'],
    'afterglow.unfinished.states': ['blocked', 'queued'],
    msg: 'the process ends with tasks that have not ended',
  }

  test.each([['paused'], ['paused, and another runner, and a listener with more to do']])(
    'what waits when the event loop is empty is said in one line: %s',
    (way) => {
      const { status, stderr, unfinished } = linesOf(way)
      expect(unfinished).toMatchObject([{ ...line, 'afterglow.unfinished.count': expect.any(Number) }])
      expect([status, stderr]).toEqual([0, ''])
    },
  )

  test.each([
    ['process.exit()', 7],
    ['an error that nobody caught', 1],
  ])('so is what it ends with by %s', (way, code) => {
    const { status, unfinished } = linesOf(way)
    expect(status).toBe(code)
    expect(unfinished).toMatchObject([{ ...line, 'afterglow.unfinished.count': expect.any(Number) }])
  })

  test('what can start again is said once, and then runs', () => {
    const { lines, unfinished } = linesOf('resumed in time')
    expect(unfinished.length).toBeLessThanOrEqual(1)
    expect(lines.filter((one) => one['otel.event.name'] === 'afterglow.task.completed')).toHaveLength(5)
  })

  test('a closed runner has said what it interrupted, and says nothing more', () => {
    const { lines, unfinished } = linesOf('closed')
    expect(unfinished).toEqual([])
    expect(lines.filter((one) => one['otel.event.name'] === 'afterglow.task.interrupted').length).toBeGreaterThan(0)
  })

  test.each([
    ['a running task that waits for nothing', 'afterglow.task.run.exception'],
    ['delayed', 'afterglow.task.completed'],
  ])('the process lives for %s', (way, event) => {
    const { lines, unfinished } = linesOf(way)
    expect(unfinished).toEqual([])
    expect(lines.map((one) => one['otel.event.name'])).toContain(event)
  })
})
