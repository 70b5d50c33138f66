// "My task did not run": each of the usual reasons is an error that says so, or is seen.
import { takeOver } from 'koa-afterglow/testing'
import request from 'supertest'
import { app, forgetful } from '../src/app'
import { countWords, indexProduct, tasks } from '../src/tasks'

test('not injected: the middleware was forgotten, and the guard says so', async () => {
  const errors: Error[] = []
  forgetful.on('error', (error: Error) => errors.push(error))
  using kit = takeOver(tasks)
  await request(forgetful.callback()).post('/register/ada@example.com').expect(500)
  expect(errors.map(({ message }) => message)).toEqual([
    expect.stringContaining('put app.use(tasks.middleware()) first'),
  ])
  expect(kit.added).toEqual([])
})

test('an unhandled exception: an outcome, a log line and a count, and no crash', async () => {
  using kit = takeOver(tasks)
  await request(app.callback()).post('/product/lamp').expect(200)
  await kit.idle()
  expect(kit.task(indexProduct)).toHaveSettled('failed')
  expect(kit.telemetry.log({ task: indexProduct, level: 'error' }).message).toBe('task failed')
})

test('not async: work that is not asynchronous runs like any other', async () => {
  using kit = takeOver(tasks)
  await request(app.callback()).post('/product/lamp')
  await kit.idle()
  expect(kit.task(countWords).outcome).toMatchObject({ outcome: 'completed', value: 5 })
})

test('called instead of added: a promise is refused, since its work has begun before the response', async () => {
  const errors: Error[] = []
  app.on('error', (error: Error) => errors.push(error))
  using kit = takeOver(tasks)
  await request(app.callback()).post('/mistake').expect(500)
  expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining('the work has already started')])
  expect(kit.added).toEqual([])
})

test('the wrong server: a response that never settles holds its tasks, and the kit says which', async () => {
  using kit = takeOver(tasks, { patienceMs: 200 })
  const server = app.listen(0)
  const never = request(server).get('/stream').then()
  never.catch(() => undefined)
  while (kit.added.length === 0) await new Promise((resolve) => setImmediate(resolve))
  await expect(kit.idle()).rejects.toThrow("'count-words' waits for the response to GET /stream, which has not settled")
  expect(kit.task(countWords).state).toBe('held')
  server.closeAllConnections()
  server.close()
  await kit.idle()
  expect(kit.task(countWords)).toHaveSettled('completed') // the client left: it runs all the same
})
