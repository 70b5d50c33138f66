import { expect, test } from '@jest/globals'
import { createTasks, inProcess, type Engine, type EngineHost, type Envelope } from 'koa-afterglow'
import { manualClock } from 'koa-afterglow/testing'
import { missing, seeing } from '../support/runner.ts'

/** An engine that can be told that somebody else has its task now. */
function losing(engine: Engine) {
  let host: EngineHost | undefined
  const running: Envelope[] = []
  const start = engine.start.bind(engine)
  engine.start = (given) => {
    host = given
    return start({
      ...given,
      run: (envelope, ended) => {
        running.push(envelope)
        given.run(envelope, ended)
      },
    })
  }
  return {
    engine,
    lose: () => running.forEach((envelope) => host?.report({ type: 'claim_lost', envelope })),
  }
}

test('a task whose claim was lost has its signal aborted, and frees its slot even if it ignores that', async () => {
  const clock = manualClock()
  const { engine, lose } = losing(inProcess({ clock }))
  const limits = { concurrency: 1, graceMs: 100 }
  const tasks = createTasks({ logger: false, engines: { default: engine }, limits })
  const seen = seeing()
  tasks.observe(seen)
  let aborted: AbortSignal | undefined
  const deaf = tasks.add('deaf', ({ signal }) => {
    aborted = signal
    return new Promise(() => {})
  })
  const next = tasks.add('next', () => 'ran')
  await clock.settle()
  lose()
  await clock.settle()
  expect(aborted?.aborted).toBe(true)
  await clock.advance(100)
  expect(await deaf.settled).toMatchObject({ outcome: 'interrupted' })
  expect(await next.settled).toMatchObject({ outcome: 'completed' })
  expect(seen.events).toMatchObject([{ type: 'stuck', record: { name: 'deaf' } }])
  expect(missing(tasks)).toBe(0)
})
