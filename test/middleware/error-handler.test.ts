import { describe, expect, test } from '@jest/globals'
import { errorHandler } from 'koa-afterglow'
import { manualTasks } from '../support/runner.ts'
import { remembering } from '../support/telemetry.ts'

class CardDeclined extends Error {}
const decline = () => {
  throw new CardDeclined('declined')
}

describe('errorHandler', () => {
  test('reports every error that leaves the handler, and lets it go on', async () => {
    const reported: string[] = []
    const { tasks, clock } = manualTasks()
    tasks.use(errorHandler({ report: (error, { name }) => void reported.push(`${name}: ${error.message}`) }))
    const handle = tasks.add('charge', decline)
    await clock.settle()
    expect(reported).toEqual(['charge: declined'])
    expect(await handle.settled).toMatchObject({ outcome: 'failed', error: { message: 'declined' } })
  })

  test('a report that fails is logged as that, and an expected error stays expected', async () => {
    const { lines, logger } = remembering()
    const { tasks, clock } = manualTasks({ logger, defaults: { expected: [CardDeclined] } })
    tasks.use(errorHandler({ report: () => Promise.reject(new Error('tracker is down')) }))
    const handle = tasks.add('charge', decline)
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'discarded', error: { message: 'declined' } })
    expect(lines).toMatchObject([
      { level: 50, msg: 'errorHandler: report failed', err: { message: 'tracker is down' } },
      {},
    ])
  })

  test('a promise from classify decides nothing', async () => {
    const { tasks, clock } = manualTasks()
    tasks.use(errorHandler({ classify: () => Promise.resolve({ discard: 'too late' }) as never }))
    const handle = tasks.add('charge', decline)
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'failed' })
  })
})
