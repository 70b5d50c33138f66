// What is wrong with this task: how often it fails and with what, how long it takes and waits, and its runs.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import * as names from '../../../src/telemetry/names.ts'
import { UIDS, type Config } from '../../config.ts'
import { dashboard } from '../dashboard.ts'
import { Expressions } from '../expressions.ts'
import { is } from '../promql.ts'
import { causes } from '../rows/causes.ts'
import { failedRuns } from '../rows/runs.ts'
import { attempts, errors, latency, queueing } from '../rows/task-behaviour.ts'
import { taskLines, taskTraces } from '../rows/task-runs.ts'
import { verdict } from '../rows/task-verdict.ts'

/** The task that is chosen. */
const CHOSEN = { [names.TASK_NAME]: is('$task') }

export function task(config: Config): Dashboard {
  const ask = new Expressions(config)
  return dashboard({
    config,
    uid: UIDS.task,
    title: 'Task detail',
    question: 'What is wrong with this task, since when, and which of its runs show it?',
    task: 'one',
    rows: [
      { title: 'Does it keep its objective?', panels: verdict(config, ask) },
      { title: 'Which runs failed?', panels: failedRuns(config, CHOSEN) },
      { title: 'Because of which requests?', panels: causes(config, ask, CHOSEN) },
      { title: 'Which errors?', panels: errors(config, ask) },
      { title: 'How long does it run?', panels: latency(config, ask) },
      { title: 'Does it wait?', panels: queueing(config, ask) },
      { title: 'Does it need several attempts?', panels: attempts(config, ask) },
      { title: 'Other runs', panels: taskTraces(config) },
      { title: 'What does it say?', panels: taskLines(config) },
    ],
  })
}
