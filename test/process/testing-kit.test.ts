import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { root } from '../support/otel-process.ts'

// Here, because within Jest no rejection reaches a listener of the process: Jest itself fails the test for it.
test('an error that escapes a task fails the test at its end, by the name of the task, and not the process', () => {
  const args = ['--conditions=koa-afterglow-source', join(root, 'test/support/testing-stray.ts')]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  expect(stdout).toBe("the test leaves behind:\n  - an error that escaped: task 'careless': nobody waits for this\n")
  expect([status, stderr]).toEqual([0, ''])
})
