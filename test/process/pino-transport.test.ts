import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'
import { Started } from '../support/otel-process.ts'

const SCRIPT = `
  import { createTasks } from 'koa-afterglow'
  import { pino } from 'pino'
  const options = { redact: ['["exception.stacktrace"]'], transport: { target: 'pino/file', options: { destination: process.env.LINES } } }
  const tasks = createTasks({ logger: pino(options) })
  tasks.add('fine', ({ log }) => log.info('working'))
  tasks.add('bad', () => { throw new Error('password=hunter2') })
  await tasks.idle()
  await tasks.close()
`

it('a pino whose transport is a worker thread gets every line, redacted by its own paths and masked by ours', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'afterglow-pino-'))
  try {
    const LINES = join(folder, 'lines')
    const { code, stderr } = await new Started(['--input-type=module', '--eval', SCRIPT], { LINES }).ends()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lines = readFileSync(LINES, 'utf8').trim().split('\n')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { msg: 'working', 'afterglow.task.name': 'fine' },
      { msg: 'task completed' },
      { msg: 'task failed', 'exception.message': 'password=[masked]', 'exception.stacktrace': '[Redacted]' },
      { msg: 'drained' },
    ])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
