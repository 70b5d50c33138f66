import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { defineTask, type AddOptions, type TaskContext, type TaskHandle } from 'koa-afterglow'
import { manualTasks, missing } from '../support/runner.ts'

const PROGRAMS = Number(process.env['AFTERGLOW_LEDGER_PROGRAMS'] ?? 10_000)

type Ending = 'completes' | 'throws' | 'rejects' | 'hangs' | 'discards' | 'asks again' | 'adds a child'

/** One step of a random program. Numbers that name a task are taken modulo those added so far. */
type Step =
  | { readonly act: 'add'; readonly ending: Ending; readonly options: Options; readonly after: readonly number[] }
  | { readonly act: 'cancel'; readonly task: number }
  | { readonly act: 'advance'; readonly ms: number }
  | { readonly act: 'pause' }
  | { readonly act: 'resume' }
  | { readonly act: 'close'; readonly deadlineMs: number }
type Options = Pick<AddOptions, 'delayMs' | 'expiresMs' | 'onDependencyFailure' | 'key' | 'priority'> & {
  readonly attempts: number
}

const ending = fc.constantFrom<Ending>(
  'completes',
  'throws',
  'rejects',
  'hangs',
  'discards',
  'asks again',
  'adds a child',
)
const options: fc.Arbitrary<Options> = fc.record(
  {
    attempts: fc.integer({ min: 1, max: 3 }),
    delayMs: fc.integer({ min: 0, max: 100 }),
    expiresMs: fc.integer({ min: 0, max: 200 }),
    onDependencyFailure: fc.constantFrom('skip' as const, 'run' as const),
    key: fc.constantFrom('a', 'b'),
    priority: fc.constantFrom('low' as const, 'high' as const),
  },
  { requiredKeys: ['attempts'] },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      act: fc.constant('add' as const),
      ending,
      options,
      after: fc.array(fc.nat(), { maxLength: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('cancel' as const), task: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 300 }) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('pause' as const) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('resume' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ act: fc.constant('close' as const), deadlineMs: fc.integer({ min: 1, max: 500 }) }),
  },
)

const endings: Record<Ending, (task: TaskContext<Ending>) => unknown> = {
  completes: () => 1,
  throws: () => {
    throw new Error('throws')
  },
  rejects: () => Promise.reject(new Error('rejects')),
  hangs: () => new Promise(() => {}),
  discards: (task) => task.discard('on purpose'),
  'asks again': (task) => {
    if (task.attempt < 4) task.retry({ afterMs: 10, beyondAttempts: true })
  },
  'adds a child': (task) => task.add('child', () => 2),
}
const work = defineTask({
  name: 'work',
  timeoutMs: 80,
  run: (input: Ending, task: TaskContext<Ending>) => endings[input](task),
})

describe('the ledger', () => {
  test(`balances at every instant of ${PROGRAMS} random programs, and after each of them everything has ended`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30 }),
        fc.integer({ min: 1, max: 4 }),
        async (program, concurrency) => {
          const { tasks, clock, seen } = manualTasks({
            concurrency,
            register: [work],
            limits: { maxPending: 12, graceMs: 20, concurrency },
          })
          const handles: TaskHandle[] = []
          const pick = (n: number) => handles[n % handles.length]
          for (const one of program) {
            if (one.act === 'cancel') pick(one.task)?.cancel()
            else if (one.act === 'advance') await clock.advance(one.ms)
            else if (one.act === 'close') void tasks.close(one)
            else if (one.act === 'pause') tasks.pause(work.name)
            else if (one.act === 'resume') tasks.resume(work.name)
            else {
              const { attempts, ...rest } = one.options
              const after = one.after.map(pick).filter((handle) => handle !== undefined)
              const override = { retry: { attempts, baseDelayMs: 5 }, onOverload: 'drop' } as const
              try {
                handles.push(tasks.add(work, one.ending, { ...rest, after, override }))
              } catch (error) {
                expect(error).toMatchObject({ code: 'ERR_AFTERGLOW_CLOSED' })
              }
            }
            expect(missing(tasks)).toBe(0)
          }
          // Nothing that is not paused waits for ever: without being told to end, all of it has.
          tasks.resume(work.name)
          await clock.advance(60_000)
          const { submissions, outcomes, inFlight } = tasks.stats()
          expect(missing(tasks)).toBe(0)
          expect(Object.values(inFlight)).toEqual([0, 0, 0, 0, 0, 0])
          // Once for each, and the observers saw what the counters say.
          expect(seen.outcomes).toHaveLength(submissions.accepted)
          for (const [name, count] of Object.entries(outcomes))
            expect(seen.outcomes.filter(({ outcome }) => outcome.outcome === name)).toHaveLength(count)
          for (const handle of handles) await handle.settled
          await tasks.close()
        },
      ),
      { numRuns: PROGRAMS },
    )
  }, 120_000)
})
