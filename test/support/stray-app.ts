// Lets something escape, in one of several ways, and says whether the process lives on.
import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'
import { createTasks } from 'koa-afterglow'

const [, , way = '', option] = process.argv
const turn = () => new Promise((resolve) => setImmediate(resolve))
const fails = async (message: string) => {
  await turn()
  throw new Error(message)
}

const ways: Record<string, () => unknown> = {
  'floating rejection': async () => {
    void fails('floating')
    await turn()
    await turn()
  },
  'rejection after the task ended': () => void fails('after the end'),
  microtask: () => queueMicrotask(() => void Promise.reject(new Error('microtask'))),
  stream: () => {
    const failing = async () => {
      for await (const _ of Readable.from(broken())) await turn()
    }
    void failing()
  },
  'nested task': async (task?: unknown) => {
    const { add } = task as { add: (name: string, run: () => void) => { settled: Promise<unknown> } }
    await add('child', () => void fails('nested')).settled
  },
  'rejection with a string': () => void Promise.reject('just text'),
  'rejection with undefined': () => void Promise.reject(undefined),
  'throw in a timer': () =>
    void setTimeout(() => {
      throw new Error('timer')
    }, 1),
  'emitter without a listener': () => void setImmediate(() => new EventEmitter().emit('error', new Error('emitter'))),
}
async function* broken() {
  yield 1
  await turn()
  throw new Error('stream')
}

if (way === 'plain rejection') {
  if (option !== 'without us') createTasks({ logger: false }).add('bystander', () => 1)
  void fails('nobody’s')
} else {
  const say = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`)
  const strayErrors = option === 'report' ? 'report' : 'contain-rejections'
  const tasks = createTasks({ logger: false, strayErrors }).observe({
    name: 'saying',
    event: (event) => {
      if (event.type === 'stray_error')
        say({ task: event.record.name, message: event.error.message, contained: event.contained })
    },
  })
  if (option === 'foreign listener') process.on('unhandledRejection', () => say({ foreign: true }))
  tasks.add('culprit', (task) => ways[way]?.apply(undefined, [task] as never))
}
setTimeout(() => process.stdout.write('alive\n'), 150)
