import { createTasks, defineTask, inProcess, type Tasks, type TasksOptions } from 'koa-afterglow'
import { manualClock } from 'koa-afterglow/testing'
import { z } from 'zod'
import { missing, seeing, thrownBy } from './runner.ts'

class Expected extends Error {}

/** Lets tasks end in every way there is, and everything else happen that is told of, with `say` in whatever says something. */
export async function everyOutcome(say: string, options: TasksOptions = {}): Promise<Tasks> {
  const clock = manualClock()
  let blocked = 0
  const engine = inProcess({ clock: { ...clock, now: () => clock.now() + blocked } })
  const hooks = { onError: throwing(new Error(say)), onDead: () => Promise.reject(new Error(say)) }
  const tasks = createTasks({ hooks, ...options, engines: { default: engine }, limits: { graceMs: 10 } })
  const seen = seeing()
  tasks.observe(seen).use(async (task, next) => {
    if (task.name === 'swallowed') await next().catch(() => undefined)
    else await next()
  })
  const twice = { attempts: 2, backoff: 'fixed', baseDelayMs: 1 } as const
  tasks.add('completed', () => ({ result: say }))
  tasks.add('swallowed', throwing(new TypeError(say)))
  const failed = tasks.add('failed', throwing(bundle(say)))
  tasks.add(defineTask({ name: 'retried', retry: twice, run: throwing(new RangeError(say)) }))
  tasks.add(defineTask({ name: 'asked', retry: twice, run: (_, task) => void (task.attempt === 1 && task.retry()) }))
  tasks.add('deaf', () => new Promise(() => {}), { override: { timeoutMs: 5 } })
  tasks.add('discarded', (task) => task.discard(say))
  tasks.add('expected', throwing(new Expected(say)), { override: { expected: [Expected] } })
  tasks.add('given up', (task) => task.retry({ afterMs: 60_000 }), { override: { retry: { attempts: 2 } } })
  tasks.add('cancelled', () => 1, { delayMs: 60_000 }).cancel(say)
  tasks.add('skipped', () => 1, { after: [failed] })
  tasks.add('dropped', () => 1, { expiresMs: 0 })
  tasks.add('late', () => 1, { delayMs: 60_000 })
  tasks.add('running', (task) => {
    task.progress(0.5, say)
    return new Promise(() => {})
  })
  tasks.add('blocks', () => void (blocked += 1_000))
  tasks.add('strays', () => void process.emit('unhandledRejection', new Error(say), Promise.resolve()))
  const checked = defineTask({
    name: 'checked',
    schema: z.object({ mail: z.literal('x', { error: say }) }),
    run: () => 1,
  })
  thrownBy(() => tasks.add(checked, { mail: say as 'x' }))
  thrownBy(() => tasks.add('child of nobody', () => 1, { after: [{} as never] }))
  await clock.advance(100)
  const closing = tasks.close({ deadlineMs: 10 })
  await clock.advance(100)
  await closing
  if (missing(tasks) !== 0) throw new Error('the ledger does not balance')
  const ended = new Set(seen.attempts.map(({ outcome }) => outcome.outcome))
  for (const { outcome } of seen.outcomes) ended.add(outcome.outcome)
  const expected = 'completed failed retried timed_out discarded cancelled skipped dropped interrupted'.split(' ')
  for (const outcome of expected)
    if (!ended.has(outcome as never)) throw new Error(`nothing ended as ${outcome}, but as ${[...ended].join(', ')}`)
  for (const type of ['stuck', 'blocked', 'stray_error', 'failure_of_our_own', 'progress', 'drained'])
    if (!seen.events.some((event) => event.type === type)) throw new Error(`nothing was told of ${type}`)
  return tasks
}

/** An error that hangs together with others, each of which says it. */
const bundle = (say: string): Error =>
  new AggregateError([new Error(say), say], say, { cause: new Error(say, { cause: { text: say } }) })

const throwing = (error: Error) => (): never => {
  throw error
}
