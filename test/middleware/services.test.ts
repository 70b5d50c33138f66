import { describe, expect, test } from '@jest/globals'
import { asFunction, asValue, createContainer, Lifetime } from 'awilix'
import type { ServiceSource, TaskContext } from 'koa-afterglow'
import { manualTasks } from '../support/runner.ts'

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
})
