import { expect, test } from '@jest/globals'
import Koa from 'koa'
import { createTasks, type TaskHandle } from 'koa-afterglow'
import { listen } from '../support/http-server.ts'

test('rule 4: a task of one request may come after a task of another, and reads how that ended', async () => {
  await using tasks = createTasks({ logger: false })
  const app = new Koa()
  app.use(tasks.middleware())
  const handles: TaskHandle<string>[] = []
  const order: string[] = []
  const added = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  app.use(async (ctx) => {
    const name = ctx.path.slice(1)
    const after = handles.slice(-1)
    handles.push(
      ctx.tasks.add(
        name,
        (task) => {
          const [before] = task.dependencies
          order.push(name)
          const value = before?.outcome.outcome === 'completed' ? String(before.outcome.value) : 'nothing'
          return `${name} after ${value}`
        },
        { after },
      ),
    )
    added.resolve()
    if (name === 'first') await answered.promise
    ctx.body = name
  })
  await using server = await listen(app)
  const ask = (path: string) => fetch(`http://127.0.0.1:${server.port}/${path}`)
  const first = ask('first')
  await added.promise
  await ask('second')
  expect(order).toEqual([])
  answered.resolve()
  await first
  await tasks.idle()
  expect(order).toEqual(['first', 'second'])
  expect(await handles[1]?.settled).toMatchObject({ value: 'second after first after nothing' })
})
