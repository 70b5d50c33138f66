import fastq from 'fastq'
import { createTasks, defineTask, type Logger } from 'koa-afterglow'
import PQueue from 'p-queue'
import type { Contender } from './measure.ts'

const STARTS_PER_TURN = 64
const CONCURRENCY = 100
const work = async (): Promise<void> => {}

/** Starts `perRound` pieces of work, as many per turn of the event loop as a busy server would. */
function paced(perRound: number, start: () => void): Promise<void> {
  return new Promise((resolve) => {
    let started = 0
    const turn = () => {
      for (let n = 0; n < STARTS_PER_TURN && started < perRound; n++, started++) start()
      if (started < perRound) setImmediate(turn)
      else resolve()
    }
    turn()
  })
}

/** Tasks through the runner, all at once as into a queue. */
export function afterglow(perRound: number): Contender {
  const mail = defineTask({ name: 'mail', run: work })
  const tasks = createTasks({
    logger: false,
    register: [mail],
    limits: { maxPending: perRound, concurrency: CONCURRENCY },
  })
  return {
    name: 'koa-afterglow',
    async run() {
      for (let n = 0; n < perRound; n++) tasks.add(mail)
      await tasks.idle()
    },
  }
}

/** Tasks through the runner, at a server's pace, with a log line each. */
export function afterglowPaced(logger: Logger, perRound: number, flushed: () => Promise<void>): Contender {
  const mail = defineTask({ name: 'mail', run: work })
  const tasks = createTasks({ logger, register: [mail], limits: { maxPending: perRound, concurrency: CONCURRENCY } })
  return {
    name: 'koa-afterglow',
    async run() {
      await paced(perRound, () => tasks.add(mail))
      await tasks.idle()
      await flushed()
    },
  }
}

/** Bare calls at the same pace, with telemetry written by hand. */
export function handWritten(
  observed: (work: () => Promise<void>) => Promise<void>,
  perRound: number,
  flushed: () => Promise<void>,
): Contender {
  return {
    name: 'by hand',
    async run() {
      let running = 0
      const ended = Promise.withResolvers<void>()
      const end = () => {
        if (--running === 0) ended.resolve()
      }
      running = perRound
      await paced(perRound, () => void observed(work).then(end))
      await ended.promise
      await flushed()
    },
  }
}

export const pQueue = (perRound: number): Contender => ({
  name: 'p-queue',
  async run() {
    const queue = new PQueue({ concurrency: CONCURRENCY })
    for (let n = 0; n < perRound; n++) void queue.add(work)
    await queue.onIdle()
  },
})

export const fastQ = (perRound: number): Contender => ({
  name: 'fastq',
  async run() {
    const queue = fastq.promise(work, CONCURRENCY)
    for (let n = 0; n < perRound; n++) void queue.push(n)
    await queue.drained()
  },
})
