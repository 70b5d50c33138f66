import 'koa-afterglow/testing/vitest'
import type { AddressInfo } from 'node:net'
import { takeOver } from 'koa-afterglow/testing'
import { expect, test } from 'vitest'
import { app, resize, tasks } from './app.ts'

test('the tasks of a response that fetch got', async () => {
  await using kit = takeOver(tasks)
  const server = app.listen(0)
  const { port } = server.address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}/lamp.png`, { headers: { connection: 'close' } })
  const own = await kit.tasksOf(response)
  expect(tasks).toHaveAddedOnce(resize, { path: '/lamp.png' })
  expect(tasks).toHaveAddedOnce(resize, { path: expect.stringMatching(/png$/) })
  expect(own).toHaveSettled('completed')
  expect(resize).toBeCausedBy(response)
  server.close()
})

test('a matcher that fails says what there was', async () => {
  await using _kit = takeOver(tasks)
  tasks.add(resize, { path: '/lamp.png' })
  expect(() => expect(tasks).toHaveAdded(resize, { path: '/desk.png' })).toThrow(
    /'resize' was added once, with other input:[^]*\/lamp\.png/,
  )
})
