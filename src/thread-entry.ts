// What a thread of the pool loads: the composition root over there, as create-tasks is here.
import { threadScope } from './telemetry/thread-scope.ts'
import { makeJobRunner } from './threads/worker.ts'

export const runJob = makeJobRunner(threadScope)
