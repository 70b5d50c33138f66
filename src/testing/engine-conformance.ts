import type { Engine } from '../core/engine.ts'
import { Bench, envelope, newId, Worker } from './engine-conformance/bench.ts'
import type { Check, CrashPlan, EngineSubject } from './engine-conformance/bench.ts'
import * as dead from './engine-conformance/dead.ts'
import * as ending from './engine-conformance/ending.ts'
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
  const { durable, delay, priority } = subject.make(newId()).capabilities
  const cut = durable && subject.cutOff !== undefined
  const lose = durable && subject.loseClaim !== undefined
  const applies: Record<When, boolean> = {
    any: true,
    durable,
    delay,
    priority,
    crash: durable && subject.crash !== undefined,
    cut,
    lose,
    'cut and lose': cut && lose,
  }
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

type When = 'any' | 'durable' | 'delay' | 'priority' | 'crash' | 'cut' | 'lose' | 'cut and lose'

const CASES: readonly (readonly [When, string, Check])[] = [
  ['any', 'accepts a batch, and runs it once there is room', running.accepts],
  ['durable', 'refuses an id that it has as a duplicate', running.knowsDuplicates],
  ['any', 'runs a task once, with its envelope intact', running.runs],
  ['any', "runs the next attempt after core's delay, and none after a failure", running.retries],
  ['any', 'runs the same attempt again when it was returned', running.takesBackReturned],
  ['any', 'never needs what a task resulted in', ending.forgetsResults],
  ['priority', 'starts what is high before what is normal, and that before what is low', running.ordersByPriority],
  ['priority', 'lets what is low start though much is high', running.starvesNobody],
  ['delay', 'starts a delayed task at its time', running.delays],
  ['any', 'does not start a closed label, and does once it is open', running.keepsClosed],
  ['any', 'sees a label close while it starts others', running.seesClosing],
  ['any', 'runs no more than there is room for', running.keepsToRoom],
  ['any', 'sees the room shrink while it starts others', running.seesRoomShrink],
  ['any', 'gives up a waiting task that is cancelled', running.cancels],
  ['any', 'starts nothing more once it stops, and loses nothing that waits', stopping.stopsStarting],
  ['durable', 'waits in stop for what runs, up to the deadline, and gives back the rest', stopping.waitsInStop],
  ['durable', 'puts an interrupted task back, at the cost of no attempt', stopping.putsBackInterrupted],
  ['durable', 'keeps what died, with its note', dead.keepsDead],
  ['durable', 'runs again what died, from attempt 1, once a person says so', dead.retriesDead],
  ['durable', 'forgets what died once a person says so', dead.discardsDead],
  ['durable', 'runs after a restart what was accepted before it', stopping.restarts],
  ['crash', 'runs after a crash what was accepted and had not ended', stopping.survives],
  ['cut', 'accepts nothing that its store did not take, and goes on once it does', ending.survivesAway],
  ['cut', 'repeats an acknowledgement that fails, and does not run the task again', ending.repeatsAcknowledging],
  ['lose', 'says that it lost a claim, and counts it', ending.losesClaim],
  ['cut and lose', 'ends once what it lost while it acknowledged', ending.losesClaimAcknowledging],
]
