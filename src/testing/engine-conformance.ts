import type { Engine } from '../core/engine.ts'
import { Bench, envelope, newId, Worker } from './engine-conformance/bench.ts'
import type { Check, CrashPlan, EngineSubject } from './engine-conformance/bench.ts'
import * as running from './engine-conformance/running.ts'
import * as stopping from './engine-conformance/stopping.ts'

export type { CrashPlan, EngineSubject }
export interface EngineCase {
  readonly name: string
  /** Rejects when the engine breaks the law. */
  run(): Promise<void>
}

/**
 * The law of the seam between core and engines, as cases for any runner of tests:
 * `for (const { name, run } of engineConformance({ make })) test(name, run)`. What an engine does not claim is left out.
 */
export function engineConformance(subject: EngineSubject): readonly EngineCase[] {
  const { durable, delay } = subject.make(newId()).capabilities
  const applies = { any: true, durable, delay, crash: durable && subject.crash !== undefined }
  return CASES.filter(([when]) => applies[when]).map(([, name, check]) => ({
    name,
    run: async () => {
      const bench = new Bench(subject)
      await check(bench).finally(() => bench.close())
    },
  }))
}

/** For the process that is killed. Resolves once one task runs, never to end, and the others wait. */
export async function occupy(engine: Engine, plan: CrashPlan): Promise<void> {
  const worker = new Worker(engine, { hold: true, concurrency: 1 })
  await engine.start(worker)
  await engine.enqueue([envelope({}, { id: plan.running })])
  await worker.ran(1)
  await engine.enqueue(plan.waiting.map((id) => envelope({}, { id })))
}

const CASES: readonly (readonly ['any' | 'durable' | 'delay' | 'crash', string, Check])[] = [
  ['any', 'accepts a batch, and runs it once there is room', running.accepts],
  ['durable', 'refuses an id that it has as a duplicate', running.knowsDuplicates],
  ['any', 'runs a task once, with its envelope intact', running.runs],
  ['any', "runs the next attempt after core's delay, and none after a failure", running.retries],
  ['any', 'runs the same attempt again when it was returned', running.takesBackReturned],
  ['delay', 'starts a delayed task at its time', running.delays],
  ['any', 'does not start a closed label, and does once it is open', running.keepsClosed],
  ['any', 'sees a label close while it starts others', running.seesClosing],
  ['any', 'runs no more than there is room for', running.keepsToRoom],
  ['any', 'sees the room shrink while it starts others', running.seesRoomShrink],
  ['any', 'gives up a waiting task that is cancelled', running.cancels],
  ['any', 'starts nothing more once it stops, and loses nothing that waits', stopping.stopsStarting],
  ['any', 'waits in stop for what runs, up to the deadline, and gives back the rest', stopping.waitsInStop],
  ['durable', 'puts an interrupted task back, at the cost of no attempt', stopping.putsBackInterrupted],
  ['durable', 'runs after a restart what was accepted before it', stopping.restarts],
  ['crash', 'runs after a crash what was accepted and had not ended', stopping.survives],
]
