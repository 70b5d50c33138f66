import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { asValue } from 'awilix'
import { takeOver, takeOverEach } from 'koa-afterglow/testing'
import request from 'supertest'
import { app, confirmOrder, remindLater, services, tasks } from '../app.js'

const real = services.getRegistration('notifications')
afterEach(() => services.register({ notifications: real }))

describe('tasks that run by themselves', () => {
  const kit = takeOverEach(tasks, {}, { beforeEach, afterEach })

  test('the route is called, its task is added once, with its arguments', async () => {
    await request(app.callback()).post('/order/123').expect(200, { message: 'Order 123 placed' })
    await kit.idle()
    expect(tasks).toHaveAddedOnce(confirmOrder, { orderId: 123, at: '2026-01-01' })
    expect(tasks).toHaveAddedOnce(remindLater, 123)
    expect(confirmOrder).toHaveSettled('failed')
    expect(kit.task(remindLater).outcome).toMatchObject({ outcome: 'skipped' })
  })

  test('its service is another one in a test, and a day passes when it is told to', async () => {
    const confirmed = []
    services.register({ notifications: asValue({ confirm: async (orderId) => void confirmed.push(orderId) }) })
    const response = await request(app.callback()).post('/order/7')
    const [confirm, remind] = await kit.tasksOf(response)
    expect(confirm).toHaveSettled('completed')
    expect(confirmed).toEqual([7])
    expect(remind.state).toBe('delayed')
    await kit.clock.advance(86_400_000)
    expect(remind).toHaveSettled('completed')
    expect(kit.telemetry.logs({ task: remindLater }).map(({ message }) => message)).toEqual([
      'reminded',
      'task completed',
    ])
  })
})

describe('tasks that run when they are told to', () => {
  test('nothing runs before that', async () => {
    await using kit = takeOver(tasks, { mode: 'manual' })
    const response = await request(app.callback()).post('/order/123')
    expect((await kit.tasksOf(response)).map(({ name, state }) => [name, state])).toEqual([
      ['confirm-order', 'queued'],
      ['remind-later', 'blocked'],
    ])
    expect(await kit.runNext()).toBe(kit.task(confirmOrder))
    expect(kit.task(confirmOrder)).toHaveSettled('failed')
  })

  test('recorded only', async () => {
    await using kit = takeOver(tasks, { mode: 'off' })
    await request(app.callback()).post('/order/123')
    await kit.idle()
    expect(kit).not.toHaveSettled()
    expect(tasks).toHaveAdded(confirmOrder)
  })
})
