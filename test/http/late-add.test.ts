import { once } from 'node:events'
import { describe, expect, test } from '@jest/globals'
import type { TaskContext } from 'koa-afterglow'
import { ask, RawClient } from '../support/http-client.ts'
import { serve, telling } from '../support/http-server.ts'
import { gate } from '../support/runner.ts'

/** A loop that runs in the async context of whoever made it, one round whenever `turn` is called. */
function loop(round: () => void): () => void {
  const { port1, port2 } = new MessageChannel()
  port1.on('message', round)
  port1.unref()
  return () => port2.postMessage(0)
}

describe('rule 16: a late add', () => {
  test.each([
    ['once its response settled', false],
    ['and if the request itself added a task before', true],
  ])('a loop started in a handler adds tasks of its own, marked late, %s', async (_, adds) => {
    const facts: unknown[] = []
    const ran = gate()
    let turn = (): void => undefined
    await using server = await serve({
      handler: (ctx) => {
        if (adds) ctx.tasks.add('of the request', telling(server.log))
        turn = loop(() => {
          server.tasks.add('of the loop', ({ late, depth, request }) => {
            facts.push({ late, depth, method: request?.method })
            ran.resolve()
          })
        })
        ctx.body = 'ok'
      },
    })
    await ask(server.port, 'http1')
    await server.tasks.idle()
    turn()
    await ran.promise
    expect(facts).toEqual([{ late: true, depth: 0, method: 'GET' }])
    expect(server.gates.map(({ submitted }) => submitted)).toEqual(adds ? [1] : [])
  })

  test('an add while the response goes on is not late, though the handler returned', async () => {
    const later = gate<() => void>()
    await using server = await serve({
      handler: (ctx) => {
        ctx.respond = false
        later.resolve(() => {
          ctx.tasks.add('task', (task) => {
            server.log.push(`late ${task.late}`)
            telling(server.log)(task)
          })
          ctx.res.statusCode = 202
          ctx.res.end('ok')
        })
      },
    })
    const answer = ask(server.port, 'http1')
    ;(await later.promise)()
    expect((await answer).status).toBe(202)
    await server.gated()
    await server.tasks.idle()
    expect(server.log).toEqual(['settled /', 'late false', 'task sent 202'])
  })

  test('ctx.tasks.add once the response settled starts at once, and knows how the response ended', async () => {
    const ran = gate()
    await using server = await serve({
      handler: (ctx) => {
        ctx.res.on('close', () => {
          server.log.push('adds')
          ctx.tasks.add('task', (task) => {
            telling(server.log)(task)
            ran.resolve()
          })
        })
        ctx.status = 500
      },
    })
    await ask(server.port, 'http1')
    await ran.promise
    expect(server.log).toEqual(['settled /', 'adds', 'task sent 500'])
  })

  test('ctx.tasks.add once the response settled still honours runOn', async () => {
    const added = gate()
    await using server = await serve({
      handler: (ctx) => {
        ctx.res.on('close', () => {
          ctx.tasks.add('task', telling(server.log), { override: { runOn: 'success' } })
          added.resolve()
        })
        ctx.status = 500
      },
    })
    await ask(server.port, 'http1')
    await added.promise
    await server.tasks.idle()
    expect(server.tasks.stats().outcomes).toMatchObject({ skipped: 1, completed: 0 })
  })

  test('the tasks of a loop are not judged by the response of the request that happened to start it', async () => {
    const added = gate()
    let turn = (): void => undefined
    await using server = await serve({
      defaults: { runOn: 'success' },
      handler: (ctx) => {
        ctx.tasks.add('of the request', () => undefined)
        turn = loop(() => {
          server.tasks.add('of the loop', () => undefined)
          added.resolve()
        })
        ctx.status = 404
      },
    })
    await ask(server.port, 'http1')
    await server.gated()
    turn()
    await added.promise
    await server.tasks.idle()
    const outcomes = server.seen.outcomes.map(({ name, outcome }) => [name, outcome.outcome])
    expect(outcomes).toEqual([
      ['of the request', 'skipped'],
      ['of the loop', 'completed'],
    ])
  })

  test.each(['first', 'second'])(
    'after the client left, the %s add of a handler still at work starts at once',
    async (n) => {
      const entered = gate()
      const ran = gate()
      const end = gate()
      await using server = await serve({
        handler: async (ctx) => {
          entered.resolve()
          if (n === 'second') ctx.tasks.add('first', telling(server.log))
          await once(ctx.res, 'close')
          ctx.tasks.add('task', (task) => {
            server.log.push(`late ${task.late}`)
            telling(server.log)(task)
            ran.resolve()
          })
          await end.promise
        },
      })
      using client = await RawClient.connect(server.port)
      client.send('/')
      await entered.promise
      client.socket.destroy()
      await ran.promise
      expect(server.log).toEqual([
        'settled /',
        ...(n === 'second' ? ['first aborted 404'] : []),
        'late false',
        'task aborted 404',
      ])
      end.resolve()
    },
  )
})

describe('rule 15: tasks that add tasks', () => {
  test('keep the request and count the depth, by task.add, tasks.add and ctx.tasks.add alike', async () => {
    await using server = await serve({
      handler: (ctx) => {
        const note = ({ name, depth, request, late }: TaskContext<void>) =>
          void server.log.push(`${name} ${depth} ${request?.statusCode} ${late}`)
        ctx.tasks.add('parent', (task) => {
          note(task)
          task.add('task.add', (child) => {
            note(child)
            child.add('grandchild', note)
          })
          server.tasks.add('tasks.add', note)
          ctx.tasks.add('ctx.tasks.add', note)
        })
        ctx.status = 201
      },
    })
    await ask(server.port, 'http1')
    await server.gated()
    await server.tasks.idle()
    expect(server.log).toEqual([
      'settled /',
      'parent 0 201 false',
      'task.add 1 201 false',
      'tasks.add 1 201 false',
      'ctx.tasks.add 1 201 false',
      'grandchild 2 201 false',
    ])
    expect(server.gates).toMatchObject([{ submitted: 1 }])
  })

  test('a task that was released adds one that asks for the class of the response: it waits for it', async () => {
    const added = gate()
    const end = gate()
    await using server = await serve({
      handler: async (ctx) => {
        ctx.tasks.add('parent', (task) => {
          task.add('child', telling(server.log), { override: { runOn: 'success' } })
          added.resolve()
        })
        ctx.tasks.release()
        await end.promise
        ctx.status = 500
      },
    })
    const answer = ask(server.port, 'http1')
    await added.promise
    end.resolve()
    await answer
    await server.gated()
    await server.tasks.idle()
    expect(server.log).toEqual(['settled /'])
    expect(server.tasks.stats().outcomes).toMatchObject({ completed: 1, skipped: 1 })
  })
})
