// Runs one case of test/process/threads.test.ts and writes what came of it as lines of JSON.
import { inspect } from 'node:util'
import {
  createTasks,
  defineTask,
  errorHandler,
  threadOf,
  type Outcome,
  type Tasks,
  type TasksOptions,
} from 'koa-afterglow'
import type { TaskSettings } from 'koa-afterglow'
import { memoryEngine } from 'koa-afterglow/testing'
import * as work from './thread-work.ts'

type Work = typeof work
const url = new URL('./thread-work.ts', import.meta.url)
const typed = threadOf<Work>(url)

export const say = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`)

const lines: unknown[] = []
const line = (level: string) => (fields: object | string, message?: string) =>
  void lines.push({ level, ...(typeof fields === 'string' ? { msg: fields } : { ...fields, msg: message }) })
const logger = {
  debug: line('debug'),
  info: line('info'),
  warn: line('warn'),
  error: line('error'),
  isLevelEnabled: (level: string) => level !== 'debug',
}

function seen(outcome: Outcome) {
  const error = 'error' in outcome ? outcome.error : undefined
  return {
    ...outcome,
    error: error && errorFacts(error),
  }
}
function errorFacts(error: Error): object {
  const { name, message, code, details, exitCode, cause, errors } = error as Error & Record<string, unknown>
  return {
    name,
    constructor: error.constructor.name,
    message,
    code,
    details,
    exitCode,
    cause: cause instanceof Error ? errorFacts(cause) : cause,
    errors: Array.isArray(errors)
      ? errors.map((one: unknown) => (one instanceof Error ? errorFacts(one) : one))
      : undefined,
    instances: [work.CardDeclined, work.PaymentError, TypeError, RangeError].flatMap((one) =>
      error instanceof one ? [one.name] : [],
    ),
    firstFrame: error.stack?.split('\n')[1]?.trim(),
    shown: inspect(error).split('\n')[0],
  }
}

const strayed = Promise.withResolvers<void>()

function makeTasks(options: TasksOptions = {}): Tasks {
  return createTasks({ logger: false, threads: { max: 1 }, ...options }).observe({
    name: 'saying',
    event: (event) => {
      if (event.type === 'stray_error') {
        say({ stray: event.record.name, error: errorFacts(event.error), contained: event.contained })
        strayed.resolve()
      }
      if (event.type === 'stuck') say({ stuck: event.record.name, killed: event.killed })
      if (event.type === 'late_completion') say({ late: event.record.name })
      if (event.type === 'failure_of_our_own') say({ failure: event.where, message: event.error.message })
      if (event.type === 'progress') say({ progress: event.fraction, note: event.note })
    },
  })
}

type Name = Exclude<keyof Work, 'PaymentError' | 'CardDeclined'>
const task = <K extends Name>(name: K, settings: TaskSettings = {}) =>
  defineTask({ name, thread: url, export: name, ...settings })

const run = async (tasks: Tasks, name: Name, rest: [input?: unknown, settings?: TaskSettings] = []) =>
  say(seen(await tasks.add(task(name, rest[1]), rest[0]).settled))

export const cases: Record<string, () => Promise<unknown>> = {
  'default export': async () => {
    const tasks = makeTasks()
    say(seen(await tasks.add(defineTask({ name: 'double', thread: url }), 21).settled))
  },
  'another ending': async () => {
    const js = new URL('./thread-work.js', import.meta.url)
    say(seen(await makeTasks().add(defineTask({ name: 'double', thread: js }), 21).settled))
  },
  'CommonJS module': async () => {
    const cjs = new URL('./thread-work.cjs', import.meta.url)
    say(seen(await makeTasks().add(defineTask({ name: 'a', thread: cjs }), 20).settled))
    say(seen(await makeTasks().add(defineTask({ name: 'b', thread: cjs, export: 'triple' }), 20).settled))
  },
  'what it sees': () => run(makeTasks(), 'where', [undefined, { retry: { attempts: 3 } }]),
  'durable engine': async () => {
    let ended = Promise.withResolvers<Outcome>()
    const settled = (_record: unknown, outcome: Outcome) => {
      if (outcome.outcome !== 'handed_over') ended.resolve(outcome)
    }
    const tasks = makeTasks({ engines: { durable: memoryEngine() } }).observe({ name: 'ends', settled })
    const [where, fail, exit] = (['where', 'fail', 'exit'] as const).map((name) => task(name, { engine: 'durable' }))
    for (const [one, input] of [[where], [fail, 'card'], [exit], [where]] as const) {
      ended = Promise.withResolvers()
      if (one) tasks.add(one, input)
      say(seen(await ended.promise))
    }
    // The latest first.
    for (const { name, note } of await tasks.dead.list()) say({ dead: name, errorType: note.errorType })
    await tasks.close()
  },
  'log and progress': async () => {
    const tasks = makeTasks({ logger })
    await run(tasks, 'talk')
    for (const one of lines) say({ line: one })
  },
  'CPU loop past its timeout': async () => {
    const tasks = makeTasks({ limits: { graceMs: 50 } })
    const spin = task('spin')
    // So that there is a thread: one that only starts up is not ended for it.
    await tasks.add(spin, 1).settled
    const forever = tasks.add(task('forever', { timeoutMs: 100 }))
    const next = tasks.add(spin, 1)
    say(seen(await forever.settled))
    say(seen(await next.settled))
  },
  'CPU loop that looks at its signal': async () => {
    const tasks = makeTasks()
    await run(tasks, 'polite', [undefined, { timeoutMs: 50 }])
    await run(tasks, 'politeEnough', [undefined, { timeoutMs: 50 }])
    await run(tasks, 'listening', [undefined, { timeoutMs: 50 }])
  },
  cancel: async () => {
    const tasks = makeTasks({ limits: { graceMs: 50 } })
    const forever = tasks.add(task('forever'))
    setTimeout(() => forever.cancel('enough'), 100)
    say(seen(await forever.settled))
  },
  'cancel what looks at its signal': async () => {
    const polite = makeTasks().add(task('polite'))
    setTimeout(() => polite.cancel('enough'), 100)
    say(seen(await polite.settled))
  },
  errors: async () => {
    const tasks = makeTasks()
    const fail = task('fail')
    for (const what of ['card', 'unnamed', 'many', 'text', 'type']) say(seen(await tasks.add(fail, what).settled))
  },
  'expected error': () => run(makeTasks(), 'fail', ['card', { expected: [work.PaymentError] }]),
  classify: () => {
    const classify = (error: Error) =>
      (error as { code?: string }).code === 'card_declined' ? { discard: 'declined' } : undefined
    return run(makeTasks().use(errorHandler({ classify })), 'fail', ['card'])
  },
  'throw in a timer': async () => {
    const tasks = makeTasks()
    await run(tasks, 'throwInTimer')
    await run(tasks, 'spin', [1])
  },
  'process.exit': async () => {
    const tasks = makeTasks()
    await run(tasks, 'exit')
    await run(tasks, 'spin', [1])
  },
  'out of memory': async () => {
    const tasks = makeTasks({ threads: { max: 1, resourceLimits: { maxOldGenerationSizeMb: 24 } } })
    await run(tasks, 'eatMemory')
    await run(tasks, 'spin', [1])
  },
  'a thread that cannot start': async () => {
    const tasks = makeTasks()
    const spin = task('spin')
    for (let n = 0; n < 2; n++) say(seen(await tasks.add(spin, 1).settled))
  },
  'stray rejection': () => run(makeTasks(), 'strayWhileRunning'),
  'stray rejection, only reported': () => run(makeTasks({ strayErrors: 'report' }), 'strayWhileRunning'),
  'stray rejection after the end': async () => {
    const tasks = makeTasks()
    await run(tasks, 'strayLater')
    await heard()
  },
  'throw after the end': async () => {
    const tasks = makeTasks()
    await run(tasks, 'throwLater')
    await heard()
    // The thread may still be dying when it is given this.
    await run(tasks, 'spin', [1, { retry: { attempts: 5, baseDelayMs: 10 } }])
  },
  'uncloneable input': async () => {
    const tasks = makeTasks()
    const spin = task('spin')
    const refused = (input: unknown) => {
      try {
        tasks.add(spin, input)
      } catch (thrown) {
        say({ ...errorFacts(thrown as Error), issues: (thrown as { issues?: unknown }).issues })
      }
    }
    refused({ on: { done: () => 1 } })
    refused(Promise.resolve())
    say(tasks.stats().submissions)
    const { port1, port2 } = new MessageChannel()
    say(seen(await tasks.add(spin, { port1 }).settled))
    port1.close()
    port2.close()
  },
  'uncloneable result': () => run(makeTasks(), 'functionBack'),
  'no such file': async () => say(errorFacts(thrownBy(() => makeTasks().register(task2('./nowhere.js'))))),
  'no piscina': async () => say(errorFacts(thrownBy(() => makeTasks().register(task('spin'))))),
  'no such export': () => {
    const nothing = defineTask({ name: 'nothing', thread: url, export: 'nothing' })
    return makeTasks()
      .add(nothing, 1)
      .settled.then((outcome) => say(seen(outcome)))
  },
  'what is not there': async () => {
    const tasks = makeTasks()
    const wants = task('wants')
    for (const what of ['services', 'add']) say(seen(await tasks.add(wants, what).settled))
  },
  'odd talk': async () => {
    const tasks = makeTasks({ logger })
    const talks = task('talksOddly', { retry: { attempts: 2, baseDelayMs: 0 } })
    for (const what of ['log', 'progress', 'retry', 'discard']) say(seen(await tasks.add(talks, what).settled))
    for (const one of lines.filter((all) => /^(odd|none)$/.test((all as { msg: string }).msg))) say({ line: one })
  },
  'bad transfer': async () => {
    const tasks = makeTasks()
    const settle = async (name: string, transfer: (input: Uint8Array) => readonly unknown[]) =>
      say(
        seen(
          await tasks.add(
            defineTask({ name, thread: url, export: 'spin', transfer: transfer as never }),
            Buffer.from('x'),
          ).settled,
        ),
      )
    await settle('throws', () => {
      throw new RangeError('of its own')
    })
    await settle('none', () => undefined as never)
    await settle('pooled', ({ buffer }) => [buffer])
  },
  'retry and discard': async () => {
    const tasks = makeTasks()
    await run(tasks, 'retryThenTell', [undefined, { retry: { attempts: 2 } }])
    await run(tasks, 'giveUp')
  },
  transfer: async () => {
    const tasks = makeTasks()
    const bytes = defineTask({
      name: 'bytes',
      thread: typed,
      export: 'bytes',
      retry: { attempts: 2, baseDelayMs: 0 },
      transfer: (input) => [input.buffer],
    })
    const input = new Uint8Array([1, 2])
    const outcome = await tasks.add(bytes, input).settled
    const back = outcome.outcome === 'completed' ? [...new Uint8Array(outcome.value as ArrayBuffer)] : outcome
    say({ back, attempts: outcome.attempts, left: input.byteLength })
  },
  'one thread at a time': async () => {
    const tasks = makeTasks()
    const spin = task('spin', { timeoutMs: 1_900 })
    const all = Array.from({ length: 5 }, () => tasks.add(spin, 400).settled)
    const others = Array.from({ length: 3 }, (_, n) => tasks.add(`other ${n}`, () => n).settled)
    await Promise.all(others)
    say(tasks.stats().inFlight)
    say({ outcomes: (await Promise.all(all)).map(({ outcome }) => outcome) })
  },
  'too many waiting': async () => {
    const tasks = makeTasks({ threads: { max: 1, maxQueue: 2 } })
    const spin = task('spin')
    try {
      for (let n = 0; n < 5; n++) tasks.add(spin, 1)
    } catch (thrown) {
      say(errorFacts(thrown as Error))
    }
    say(seen(await tasks.add(task('where', { onOverload: 'drop' })).settled))
    await tasks.idle()
    say(tasks.stats().outcomes)
  },
  drain: async () => {
    const tasks = makeTasks({ threads: { max: 2 }, limits: { graceMs: 200 } })
    const all = [tasks.add(task('spin'), 200), tasks.add(task('forever'))]
    setTimeout(() => void tasks.close({ deadlineMs: 2_000 }), 100)
    for (const { settled } of all) say(seen(await settled))
    const { settled, interrupted } = await tasks.close()
    say({ settled, interrupted: interrupted.map(({ name }) => name) })
    process.on('exit', (code) => say({ exit: code }))
  },
}
const task2 = (path: string) => defineTask({ name: 'nowhere', thread: new URL(path, import.meta.url) })
/** Nothing else keeps the process alive until something escapes. */
async function heard(): Promise<void> {
  const alive = setInterval(() => undefined, 60_000)
  await strayed.promise
  clearInterval(alive)
}
function thrownBy(call: () => unknown): Error {
  try {
    call()
  } catch (thrown) {
    return thrown as Error
  }
  throw new Error('nothing was thrown')
}

if (process.argv[1] === import.meta.filename) await cases[process.argv[2] ?? '']?.()
