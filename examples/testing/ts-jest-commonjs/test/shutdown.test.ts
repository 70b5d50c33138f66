import { takeOver } from 'koa-afterglow/testing'
import request from 'supertest'
import { app } from '../src/app'
import { sendWelcomeEmail, tasks } from '../src/tasks'

test('a shutdown waits for the tasks that were accepted, and says how they ended', async () => {
  using kit = takeOver(tasks, { mode: 'manual' })
  await request(app.callback()).post('/register/ada@example.com')
  const closing = tasks.close({ deadlineMs: 10_000 })
  let closed = false
  void closing.then(() => (closed = true))
  expect(await kit.runNext(sendWelcomeEmail)).toHaveSettled('completed')
  expect(closed).toBe(false) // there is one more
  await kit.drain()
  expect(await closing).toMatchObject({ settled: 2, interrupted: [] })
  await request(app.callback()).post('/register/too@late.example').expect(503)
})

test('what does not end in time is reported by name', async () => {
  using kit = takeOver(tasks, { mode: 'manual' })
  tasks.add(sendWelcomeEmail, { email: 'ada@example.com' })
  const closing = tasks.close({ deadlineMs: 10_000 })
  await kit.clock.advance(10_000)
  expect(await closing).toMatchObject({ interrupted: [{ name: 'send-welcome-email' }] })
})

test('it was the runner of the test that closed: the application goes on', async () => {
  using kit = takeOver(tasks)
  await request(app.callback()).post('/register/ada@example.com').expect(200)
  await kit.idle()
  expect(kit).toHaveSettled('completed')
})
