// Ends with tasks in it that nothing keeps the process alive for, in one of several ways. Prints log lines and nothing else.
import { createTasks } from 'koa-afterglow'
import pino from 'pino'

const logger = pino({ base: null, timestamp: false }, pino.destination({ fd: 1, sync: true }))
const tasks = createTasks({ logger, limits: { graceMs: 20 } })
const ways: Record<string, () => void> = {
  paused: () => {
    tasks.add('first', () => 1)
    tasks.pause('first')
    for (let n = 0; n < 2; n++) tasks.add('first', () => 1)
    tasks.add('dependent', () => 1, { after: [tasks.add('first', () => 1)] })
  },
  'paused, and another runner, and a listener with more to do': () => {
    for (let n = 0; n < 20; n++) createTasks({ logger: false })
    ways['paused']?.()
    let more = 3
    process.on('beforeExit', () => {
      if (more-- > 0) setImmediate(() => undefined)
    })
  },
  'resumed in time': () => {
    ways['paused']?.()
    process.once('beforeExit', () => tasks.resume('first'))
  },
  closed: () => {
    ways['paused']?.()
    void tasks.close({ deadlineMs: 10 })
  },
  'process.exit()': () => {
    ways['paused']?.()
    process.exit(7)
  },
  'an error that nobody caught': () => {
    ways['paused']?.()
    setImmediate(() => {
      throw new Error('nobody')
    })
  },
  'a running task that waits for nothing': () => {
    tasks.add('hangs', () => new Promise(() => undefined), { override: { timeoutMs: 20 } })
  },
  delayed: () => void tasks.add('later', () => 1, { delayMs: 20 }),
}
ways[process.argv[2] ?? '']?.()
