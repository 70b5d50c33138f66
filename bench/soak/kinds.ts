import { defineTask, type Add, type TaskContext, type TaskHandle } from 'koa-afterglow'
import { z } from 'zod'
import type { Tally } from './tally.ts'

/** Where a piece of the mix is added: `tasks.add`, or a request's own. `n` is never given twice. */
export interface Place {
  readonly add: Add
  readonly tally: Tally
  readonly n: number
}

/** One way for tasks to go, with what must come of it written beside it, and how many of a thousand pieces it is. */
export interface Kind {
  readonly share: number
  add(place: Place): void
}

class Expected extends Error {}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const aborted = ({ signal }: { readonly signal: AbortSignal }) =>
  new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
  )
const fail = (): never => {
  throw new Error('this one fails')
}

/** Work that ignores its signal, until it was let go. */
export const deaf = { waiting: new Map<string, () => void>(), letGo: (id: string): void => deaf.waiting.get(id)?.() }
const ignore = (throws: boolean, { id }: TaskContext<boolean>) =>
  new Promise<void>((resolve, reject) => {
    deaf.waiting.set(id, () => {
      deaf.waiting.delete(id)
      setImmediate(throws ? () => reject(new Error('too late')) : resolve)
    })
  })

export const quick = defineTask({ name: 'quick', run: (n: number) => n })
export const parked = defineTask({ name: 'parked', run: (n: number) => n })
const patient = defineTask({ name: 'patient', run: async (n: number) => (await turn(), n) })
const failing = defineTask({ name: 'failing', run: fail })
const rejecting = defineTask({ name: 'rejecting', run: async () => (await turn(), fail()) })
const flaky = defineTask({
  name: 'flaky',
  retry: { attempts: 3, baseDelayMs: 1, maxDelayMs: 3 },
  run: (failures: number, task) => (task.attempt <= failures ? fail() : task.attempt),
})
const overdue = defineTask({ name: 'overdue', timeoutMs: 15, run: (_: void, task) => aborted(task) })
const stuck = defineTask({ name: 'stuck', timeoutMs: 10, run: ignore })
const declined = defineTask({
  name: 'declined',
  expected: [Expected],
  run: () => {
    throw new Expected('known')
  },
})
const limited = defineTask({ name: 'limited', concurrency: 4, run: turn })
const slowly = defineTask({ name: 'slowly', rateLimit: { max: 200, perMs: 20 }, run: (n: number) => n })
const checked = defineTask({ name: 'checked', schema: z.object({ n: z.number() }), run: ({ n }) => n })
/** Its error is swallowed by the middleware of the soak. */
export const swallowed = defineTask({ name: 'swallowed', run: fail })
/** Ends only when the runner closes. */
export const endless = defineTask({ name: 'endless', timeoutMs: Infinity, run: (_: void, task) => aborted(task) })

function named(a: number, b: number): number {
  return a + b
}

const nested = (task: TaskContext<void>): TaskHandle => task.add('child', (child) => child.add('grandchild', turn))

const refuses = (run: () => unknown): void => {
  try {
    run()
  } catch {
    return
  }
  throw new Error('add() took what it must refuse')
}

const completes =
  (add: (place: Place) => unknown, times = 1) =>
  (place: Place): void => {
    add(place)
    place.tally.ends('completed', times)
  }

/** Together 1,000. */
const KINDS: readonly Kind[] = [
  { share: 280, add: completes(({ add, n }) => add(quick, n)) },
  { share: 130, add: completes(({ add, n }) => add(patient, n)) },
  { share: 80, add: completes(({ add, n }) => add(named, n, n)) },
  { share: 60, add: completes(({ add, n }) => add(quick, n, { priority: n % 2 ? 'high' : 'low' })) },
  { share: 50, add: completes(({ add, n }) => add(quick, n, { delayMs: n % 20 })) },
  { share: 30, add: completes(({ add }) => add(limited)) },
  { share: 40, add: completes(({ add, n }) => add(slowly, n)) },
  { share: 30, add: completes(({ add, n }) => add(parked, n)) },
  { share: 40, add: completes(({ add }) => add('nested', nested), 3) },
  { share: 20, add: completes(({ add, n }) => add(checked, { n })) },
  {
    share: 20,
    add: ({ add, tally }) => {
      refuses(() => add(checked, { n: 'no number' } as never))
      tally.refused('rejected')
    },
  },
  {
    share: 40,
    add: ({ add, tally, n }) => {
      add(n % 2 ? failing : rejecting)
      tally.ends('failed')
    },
  },
  {
    share: 20,
    add: ({ add, tally }) => {
      add(swallowed)
      tally.ends('completed')
      tally.plus('handled errors')
    },
  },
  {
    share: 30,
    add: ({ add, tally, n }) => {
      add(flaky, n % 3)
      tally.ends('completed')
      tally.retries(n % 3)
    },
  },
  {
    share: 5,
    add: ({ add, tally }) => {
      add(flaky, 3)
      tally.ends('failed')
      tally.retries(2)
    },
  },
  {
    share: 5,
    add: ({ add, tally }) => {
      add(overdue)
      tally.ends('timed_out')
    },
  },
  {
    share: 2,
    add: ({ add, tally, n }) => {
      add(stuck, n % 2 === 0)
      tally.ends('timed_out')
      tally.plus('stuck')
      tally.plus('late completions')
    },
  },
  {
    share: 18,
    add: ({ add, tally, n }) => {
      if (n % 2) add(declined)
      else add('discarding', (task) => task.discard('not needed'))
      tally.ends('discarded')
    },
  },
  {
    share: 20,
    add: ({ add, tally, n }) => {
      add(quick, n).cancel()
      tally.ends('cancelled')
    },
  },
  {
    share: 10,
    add: ({ add, tally }) => {
      const handle = add('cancelled-running', (task) => {
        setImmediate(() => handle.cancel())
        return aborted(task)
      })
      tally.ends('cancelled')
    },
  },
  {
    share: 20,
    add: ({ add, tally, n }) => {
      const bad = add(failing)
      const skipped = add(quick, n, { after: [bad] })
      add(quick, n, { after: [skipped] })
      add(quick, n, { after: [bad, skipped], onDependencyFailure: 'run' })
      tally.ends('failed')
      tally.ends('skipped', 2)
      tally.ends('completed')
    },
  },
  {
    share: 10,
    add: completes(({ add, n }) => add(quick, n, { after: [add(patient, n), add(quick, n)] }), 3),
  },
  {
    share: 20,
    add: ({ add, tally, n }) => {
      add(quick, n, { delayMs: 5, expiresMs: 1 })
      tally.ends('dropped')
    },
  },
  {
    share: 20,
    add: ({ add, tally, n }) => {
      for (let times = 0; times < 3; times++) add(quick, n, { key: `key ${n}` })
      tally.ends('completed')
      tally.refused('duplicate', 2)
    },
  },
]

/** The thousand pieces, in an order that is shuffled and always the same. */
export function mix(): readonly Kind[] {
  const pieces = KINDS.flatMap((kind) => Array.from({ length: kind.share }, () => kind))
  let seed = 20_260_101
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648
  for (let last = pieces.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const [a, b] = [pieces[last], pieces[other]]
    if (a && b) [pieces[last], pieces[other]] = [b, a]
  }
  return pieces
}
