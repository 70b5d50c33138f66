import { describe, expect, test } from '@jest/globals'
import { asFunction, asValue, createContainer, Lifetime } from 'awilix'
import type { ServiceSource, TaskContext } from 'koa-afterglow'
import { AsyncLocalStorage } from 'node:async_hooks'
import { ask } from '../support/http-client.ts'
import { serve } from '../support/http-server.ts'
import { manualTasks, missing } from '../support/runner.ts'

/** The types of a cradle are checked in test/types; here it is only what it does. */
const cradleOf = (task: TaskContext<void>) => task.services as unknown as Record<string, unknown>

function shop(log: string[], dispose = async (name: string) => void log.push(`${name} disposed`)) {
  const container = createContainer()
  let made = 0
  container.register({
    singleton: asValue('one'),
    connection: asFunction(() => `connection ${++made}`, { lifetime: Lifetime.SCOPED }).disposer(dispose),
    broken: asFunction(() => {
      throw new Error('no such host')
    }),
  })
  return container as unknown as ServiceSource
}

describe('services', () => {
  test('each attempt has a scope of its own, opened when read and disposed after the work', async () => {
    const log: string[] = []
    const { tasks, clock } = manualTasks({ services: shop(log) })
    const use = (task: TaskContext<void>) => {
      log.push(`uses ${String(cradleOf(task)['connection'])}, again ${String(cradleOf(task)['connection'])}`)
      if (task.attempt === 1) task.retry({ afterMs: 1, beyondAttempts: true })
    }
    tasks.add('use', use)
    tasks.add('reads nothing', () => void log.push('no scope'))
    await clock.advance(10)
    expect(log).toEqual([
      'uses connection 1, again connection 1',
      'no scope',
      'connection 1 disposed',
      'uses connection 2, again connection 2',
      'connection 2 disposed',
    ])
  })

  test('a factory that fails fails the attempt', async () => {
    const { tasks, clock } = manualTasks({ services: shop([]) })
    const handle = tasks.add('broken', (task) => cradleOf(task)['broken'])
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'failed', error: { message: 'no such host' } })
  })

  test('a disposer that fails is reported and changes no outcome', async () => {
    const dispose = () => Promise.reject(new Error('still busy'))
    const { tasks, clock, seen } = manualTasks({ services: shop([], dispose) })
    const handle = tasks.add('use', (task) => cradleOf(task)['connection'])
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'completed', value: 'connection 1' })
    expect(seen.events).toMatchObject([{ type: 'failure_of_our_own', where: 'disposing services' }])
  })

  test('a disposer that hangs does not make work that is done time out and run again', async () => {
    const dispose = () => new Promise<undefined>(() => {})
    const retry = { attempts: 3, baseDelayMs: 1 }
    const { tasks, clock, seen } = manualTasks({ services: shop([], dispose), defaults: { timeoutMs: 10, retry } })
    tasks.add('use', (task) => cradleOf(task)['connection'])
    await clock.advance(60_000)
    expect(seen.attempts).toMatchObject([{ attempt: 1, outcome: { outcome: 'completed' } }])
  })

  test('what is no container is refused at once', () => {
    expect(() => manualTasks({ services: {} as never })).toThrow('takes a container with `cradle` and `createScope()`')
  })

  test.each([
    ['throws', () => fail('no more scopes'), 'no more scopes'],
    ['gives no scope', () => ({}), 'gave no scope with `cradle` and `dispose()`'],
    ['gives a promise', () => Promise.resolve({}), 'gave no scope with `cradle` and `dispose()`'],
  ])('a createScope that %s fails the attempt', async (_how, createScope, message) => {
    const { tasks, clock } = manualTasks({ services: { createScope } as never })
    const handle = tasks.add('use', (task) => void task.services)
    await clock.settle()
    expect(await handle.settled).toMatchObject({
      outcome: 'failed',
      error: { message: expect.stringContaining(message) },
    })
  })

  test('what is not registered fails the attempt with its name and the way to it', async () => {
    const { tasks, clock } = manualTasks({ services: shop([]) })
    const handle = tasks.add('use', (task) => cradleOf(task)['nothing'])
    await clock.settle()
    expect(await handle.settled).toMatchObject({
      outcome: 'failed',
      error: { name: 'AwilixResolutionError', message: expect.stringContaining("Could not resolve 'nothing'") },
    })
  })

  test('each retry has a scope of its own, made anew where the last one failed', async () => {
    let made = 0
    const container = createContainer().register({
      flaky: asFunction(() => (++made === 1 ? fail('not yet') : made)).scoped(),
    })
    const { tasks, clock } = manualTasks({ services: container as unknown as ServiceSource })
    const handle = tasks.add('use', (task) => cradleOf(task)['flaky'], {
      override: { retry: { attempts: 2, baseDelayMs: 1 } },
    })
    await clock.advance(10)
    expect(await handle.settled).toMatchObject({ outcome: 'completed', value: 2, attempts: 2 })
  })
})

function fail(message: string): never {
  throw new Error(message)
}

describe('a scope of one attempt', () => {
  test('may be given values of its own: the log, the signal, the facts of the request', async () => {
    const container = createContainer<Record<string, unknown>>()
    container.register({
      mailer: asFunction((cradle: Record<string, unknown>) => ({ log: cradle['log'], from: cradle['from'] })).scoped(),
    })
    const services = {
      createScope: (task: TaskContext) =>
        container.createScope().register({
          log: asValue(task.log),
          signal: asValue(task.signal),
          from: asValue(`${task.request?.method} ${task.request?.statusCode}`),
        }),
    } as unknown as ServiceSource
    const used: unknown[] = []
    await using server = await serve({
      services,
      handler: (ctx) => {
        ctx.status = 201
        ctx.tasks.add('use', (task) => {
          const { mailer, signal } = cradleOf(task)
          used.push(mailer, signal === task.signal, (mailer as { log: unknown }).log === task.log)
        })
      },
    })
    await ask(server.port, 'http1')
    await server.gated()
    await server.tasks.idle()
    expect(used).toEqual([{ from: 'GET 201', log: expect.anything() }, true, true])
    expect(container.registrations['from']).toBeUndefined()
  })

  test("resolves in the async context of the task's add, so that what the request put there is at hand", async () => {
    const requests = new AsyncLocalStorage<string>()
    const container = createContainer().register({ tenant: asFunction(() => requests.getStore()).scoped() })
    const { tasks, clock } = manualTasks({ services: container as unknown as ServiceSource })
    const of = (tenant: string) => requests.run(tenant, () => tasks.add('use', (task) => cradleOf(task)['tenant']))
    const handles = ['acme', 'globex'].map(of)
    await clock.settle()
    const outcomes = await Promise.all(handles.map(({ settled }) => settled))
    expect(outcomes).toMatchObject([{ value: 'acme' }, { value: 'globex' }])
  })

  test('is not opened any more once the attempt ended, as by a hook or by what it left running', async () => {
    const left: TaskContext<void>[] = []
    const log: string[] = []
    const failures: unknown[] = []
    const hooks = { onError: (_error: Error, task: TaskContext) => void task.services }
    const { tasks, clock, seen } = manualTasks({ services: shop(log), hooks })
    tasks.add('leaves', (task) => {
      left.push(task)
      throw new Error('ends')
    })
    await clock.settle()
    for (const task of left)
      try {
        void task.services
      } catch (thrown) {
        failures.push(thrown)
      }
    expect(failures).toMatchObject([{ code: 'ERR_AFTERGLOW_SERVICES', message: expect.stringContaining('has ended') }])
    expect(seen.events).toMatchObject([{ type: 'failure_of_our_own', where: 'hook onError' }])
    expect(log).toEqual([])
  })
})

describe('in a drain', () => {
  test('what is being disposed is waited for', async () => {
    const busy = Promise.withResolvers<undefined>()
    const { tasks, clock } = manualTasks({ services: shop([], () => busy.promise) })
    tasks.add('use', (task) => cradleOf(task)['connection'])
    await clock.settle()
    let closed = false
    const closing = tasks.close().then(() => (closed = true))
    await clock.settle()
    expect(closed).toBe(false)
    busy.resolve(undefined)
    await clock.settle()
    await closing
    expect(missing(tasks)).toBe(0)
  })

  test('a disposer that hangs does not hold it beyond its deadline', async () => {
    const { tasks, clock } = manualTasks({ services: shop([], () => new Promise<undefined>(() => {})) })
    tasks.add('use', (task) => cradleOf(task)['connection'])
    await clock.settle()
    const closing = tasks.close({ deadlineMs: 1_000 })
    await clock.advance(1_500)
    expect(await closing).toMatchObject({ interrupted: [] })
  })
})

describe('in tests', () => {
  test('a service is replaced by registering another, also after createTasks and after its first use', async () => {
    const container = createContainer().register({ mailer: asFunction(() => 'real').singleton() })
    const { tasks, clock } = manualTasks({ services: container as unknown as ServiceSource })
    const use = () => tasks.add('use', (task) => cradleOf(task)['mailer']).settled
    const first = use()
    await clock.settle()
    container.register({ mailer: asValue('fake') })
    const second = use()
    await clock.settle()
    expect([await first, await second]).toMatchObject([{ value: 'real' }, { value: 'fake' }])
  })
})
