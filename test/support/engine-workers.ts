import type { Engine } from '../../src/core/engine.ts'
import { Worker, type WorkerOptions } from '../../src/testing/engine-conformance/bench.ts'

/** Engines of a test, stopped whatever becomes of it: one left behind would keep Jest from ending. */
export class Workers {
  readonly #all: Worker[] = []

  async start(engine: Engine, options: WorkerOptions = {}): Promise<Worker> {
    const worker = new Worker(engine, options)
    this.#all.push(worker)
    await engine.start(worker)
    return worker
  }

  async stop(): Promise<void> {
    for (const worker of this.#all.splice(0)) if (!worker.stopped) await worker.stop(0)
  }
}
