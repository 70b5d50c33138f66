import { describe, expect, test } from '@jest/globals'
import { ask } from '../support/http-client.ts'
import { serve, telling } from '../support/http-server.ts'
import { gate } from '../support/runner.ts'

const throws = (value: unknown) => () => {
  throw value
}

describe('rule 4: tasks of one request', () => {
  test('start in the order of their adds and run at the same time', async () => {
    const end = gate()
    await using server = await serve({
      handler: (ctx) => {
        for (const name of ['a', 'b', 'c'])
          ctx.tasks.add(name, async () => {
            server.log.push(`${name} starts`)
            // Only once all three run at the same time does any of them go on.
            if (name === 'c') end.resolve()
            await end.promise
            server.log.push(`${name} ends`)
          })
        ctx.body = 'ok'
      },
    })
    await ask(server.port, 'http1')
    await server.gated()
    await server.tasks.idle()
    const of = (what: string) => server.log.filter((line) => line.endsWith(what))
    expect(of('starts')).toEqual(['a starts', 'b starts', 'c starts'])
    expect(of('ends')).toHaveLength(3)
    expect(server.log.indexOf('c starts')).toBeLessThan(server.log.findIndex((line) => line.endsWith('ends')))
  })

  test('one that is added while the others wait for their turn to start does not overtake them', async () => {
    await using server = await serve({
      handler: (ctx) => {
        ctx.tasks.add('first', telling(server.log))
        ctx.tasks.release()
        ctx.tasks.add('second', telling(server.log))
        ctx.body = 'ok'
      },
    })
    await ask(server.port, 'http1')
    await server.gated()
    await server.tasks.idle()
    expect(server.log.filter((line) => !line.startsWith('settled')).map((line) => line.split(' ')[0])).toEqual([
      'first',
      'second',
    ])
  })

  test.each([
    ['an Error', new Error('task')],
    ['a string', 'task'],
    ['undefined', undefined],
    ['null', null],
    ['a frozen object', Object.freeze({ message: 'task' })],
    ['a frozen Error', Object.freeze(new Error('task'))],
  ])('one that throws %s leaves its response and its siblings alone', async (_, value) => {
    await using server = await serve({
      handler: (ctx) => {
        ctx.tasks.add('before', telling(server.log))
        ctx.tasks.add('throws', throws(value))
        ctx.tasks.add('rejects', () => Promise.reject(value as Error))
        ctx.tasks.add('after', telling(server.log))
        ctx.body = 'ok'
      },
    })
    expect(await ask(server.port, 'http1')).toEqual({ status: 200, body: 'ok' })
    await server.gated()
    await server.tasks.idle()
    expect(server.log).toEqual(['settled /', 'before sent 200', 'after sent 200'])
    expect(server.tasks.stats().outcomes).toMatchObject({ completed: 2, failed: 2 })
    for (const { outcome } of server.seen.outcomes) {
      if (outcome.outcome !== 'failed') continue
      const { error } = outcome
      expect(value instanceof Error ? error : error.cause).toBe(value)
    }
    expect(await ask(server.port, 'http1')).toEqual({ status: 200, body: 'ok' })
  })

  test('a failure skips those that come after it, and nobody is left waiting', async () => {
    await using server = await serve({
      handler: (ctx) => {
        const fails = ctx.tasks.add('fails', throws(new Error('task')))
        const skipped = ctx.tasks.add('skipped', telling(server.log), { after: [fails] })
        ctx.tasks.add('skipped too', telling(server.log), { after: [skipped] })
        ctx.tasks.add('runs anyway', telling(server.log), { after: [fails], onDependencyFailure: 'run' })
        ctx.tasks.add('sibling', telling(server.log))
        ctx.body = 'ok'
      },
    })
    await ask(server.port, 'http1')
    await server.gated()
    await server.tasks.idle()
    expect(server.log.toSorted()).toEqual(['runs anyway sent 200', 'settled /', 'sibling sent 200'])
    expect(server.tasks.stats().outcomes).toMatchObject({ completed: 2, failed: 1, skipped: 2 })
  })

  test('a task of one request does not hold, or fail, another request', async () => {
    const end = gate()
    await using server = await serve({
      handler: (ctx) => {
        if (ctx.path === '/hangs') ctx.tasks.add('hangs', () => end.promise)
        else ctx.tasks.add('task', telling(server.log))
        ctx.body = 'ok'
      },
    })
    await ask(server.port, 'http1', { path: '/hangs' })
    await server.gated(1)
    await ask(server.port, 'http1', { path: '/other' })
    await server.gated(2)
    while (server.log.length < 3) await new Promise((resolve) => setImmediate(resolve))
    expect(server.log).toEqual(['settled /hangs', 'settled /other', 'task sent 200'])
    end.resolve()
    await server.tasks.idle()
  })
})
