import { TestingError } from './kit/errors.ts'
import { InvalidOptionError } from '../core/errors.ts'
import type { AnyTasks, TakeOverOptions, TestKit } from './kit/kit.ts'
import { Session } from './kit/session.ts'
import { register, unregister } from './kit/sessions.ts'

/**
 * Takes an application's tasks into the hands of a test, whatever their engines: what is accepted from now on is held by
 * the kit, and nothing real starts. `using kit = takeOver(tasks)` gives them back at the end of the block.
 * @throws InvalidOptionError if they are taken over already
 */
export function takeOver(tasks: AnyTasks, options: TakeOverOptions = {}): TestKit {
  const session: Session = new Session(tasks, options, () => unregister(tasks, session))
  register(tasks, session)
  return session
}

/** The hooks of a test runner; each takes a function that may give a promise. */
export interface TestHooks {
  beforeEach(run: () => void): unknown
  afterEach(run: () => Promise<void>): unknown
}

/**
 * Takes the tasks over anew for each test of the file or block it is called in, and gives them back after it. A test that
 * leaves a task in flight, or let an error escape, fails. `hooks` are the globals `beforeEach` and `afterEach` unless given.
 * @throws InvalidOptionError where there are no such globals
 */
export function takeOverEach(
  tasks: AnyTasks,
  options: TakeOverOptions = {},
  hooks: TestHooks = globalHooks(),
): TestKit {
  let kit: TestKit | undefined
  hooks.beforeEach(() => {
    kit = takeOver(tasks, options)
  })
  hooks.afterEach(async () => {
    const ended = kit
    kit = undefined
    await ended?.end()
  })
  const now = (): TestKit => {
    if (kit) return kit
    throw new TestingError('this kit is of the tests that run after takeOverEach(), and there is none at the moment')
  }
  return new Proxy({} as TestKit, {
    get: (_none, key) => {
      // Asked for by whoever prints or awaits it, at any time.
      if (kit === undefined && (typeof key === 'symbol' || key === 'then' || key === 'toJSON')) return undefined
      const value: unknown = Reflect.get(now(), key, now())
      return typeof value === 'function' ? (value.bind(now()) as unknown) : value
    },
  })
}

function globalHooks(): TestHooks {
  const { beforeEach, afterEach } = globalThis as Partial<TestHooks>
  if (beforeEach && afterEach) return { beforeEach, afterEach }
  throw new InvalidOptionError(
    'takeOverEach(): there are no global beforeEach and afterEach; pass those of your test runner: takeOverEach(tasks, {}, { beforeEach, afterEach })',
  )
}
