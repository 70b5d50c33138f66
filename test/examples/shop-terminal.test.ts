import { Writable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { createTasks, defineTask, type Tasks } from 'koa-afterglow'
import { pino } from 'pino'
import { readEnv } from '../../examples/shop/env.ts'
import { readable, type LogLine } from '../../examples/shop/readable-line.ts'

/** What the library logs, as the shop's terminal shows it: without colours, and with `…` for what differs each time. */
function shown(): { readonly tasks: Tasks; readonly lines: string[] } {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      const line = stripVTControlCharacters(readable(JSON.parse(chunk.toString()) as LogLine))
      if (line) lines.push(line.replace(/^[\d:.]{12}/, '…').replace(/[\d.]+ m?s\b/g, '… ms'))
      done()
    },
  })
  return { tasks: createTasks({ logger: pino(stream) }), lines }
}

describe('a line in the terminal', () => {
  test('says which task ended, how and in what time', async () => {
    const { tasks, lines } = shown()
    tasks.add('warm-cache', (task) => task.log.info({}, 'warming'))
    await tasks.idle()
    expect(lines.map((line) => line.replace(' (waited … ms)', ''))).toEqual([
      '…  · warm-cache  warming',
      '…  ✔ warm-cache  completed in … ms',
    ])
  })

  test('of a failure has the error, its message and the place in the code that it came from', async () => {
    const { tasks, lines } = shown()
    const fail = defineTask({
      name: 'fail',
      retry: { attempts: 2, baseDelayMs: 1 },
      run: () => Promise.reject(new RangeError('no\nmore')),
    })
    tasks.add(fail)
    await tasks.idle()
    const at = /\(test\/examples\/shop-terminal\.test\.ts:\d+\)$/
    expect(lines).toEqual([expect.stringMatching(at), expect.stringMatching(at)])
    expect(lines[0]).toMatch(/^…  ↻ fail  attempt 1 failed, the next in … ms: RangeError: no\\u000amore \(/)
    expect(lines[1]).toMatch(/^…  ✖ fail  failed in … ms \(attempt 2.*\): RangeError: no\\u000amore \(/)
  })

  test('of a task that was given up says why', async () => {
    const { tasks, lines } = shown()
    tasks.add('slow', ({ signal }) => setTimeout(60_000, undefined, { signal }))
    const later = tasks.add('later', () => undefined, { delayMs: 60_000 })
    later.cancel('nobody needs it')
    await later.settled
    await tasks.close({ deadlineMs: 20 })
    expect(lines).toEqual([
      '…  · later  cancelled: nobody needs it',
      '…  · finishing the last task; Ctrl-C again gives up on them',
      '…  ▲ giving up on the last task',
      expect.stringMatching(/^…  ✖ slow  interrupted .*: the drain deadline came$/),
    ])
  })

  test('names the request, and its trace only where something went wrong', () => {
    const line = {
      time: 0,
      trace_id: 'abc',
      'afterglow.request.method': 'POST',
      'afterglow.request.route': '/register',
    }
    const withLevel = (level: number) => stripVTControlCharacters(readable({ ...line, level, msg: 'hello' })).slice(12)
    expect(withLevel(30)).toBe('  · hello  POST /register')
    expect(withLevel(50)).toBe('  ✖ hello  POST /register  trace abc')
  })
})

describe('the environment', () => {
  test('has defaults, and what is empty counts as not set', () => {
    expect(readEnv({ PORT: '', SMTP_URL: '' })).toMatchObject({ PORT: 3000, HOST: '127.0.0.1', LOG_LEVEL: 'info' })
    expect(readEnv({}).SMTP_URL).toBeUndefined()
  })

  test.each([
    [{ PORT: 'abc' }, 'PORT=abc: '],
    [{ PORT: '70000' }, 'PORT=70000: '],
    [{ SMTP_URL: 'http://localhost' }, 'SMTP_URL=http://localhost: expected smtp://'],
    [{ SMTP_URL: 'smtp://' }, 'SMTP_URL=smtp://: expected smtp://'],
    [{ LOG_FORMAT: 'xml' }, 'LOG_FORMAT=xml: '],
  ])('is refused by name and value where it cannot be used: %j', (env, words) => {
    expect(() => readEnv(env)).toThrow(words)
  })
})
