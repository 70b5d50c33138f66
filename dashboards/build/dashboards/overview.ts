// Is anything wrong, and where? What whoever is paged opens first.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { UIDS, type Config } from '../../config.ts'
import { dashboard } from '../dashboard.ts'
import { Expressions } from '../expressions.ts'
import { causes } from '../rows/causes.ts'
import { failures } from '../rows/failures.ts'
import { headline } from '../rows/headline.ts'
import { failedRuns } from '../rows/runs.ts'
import { tasks } from '../rows/tasks.ts'

export function overview(config: Config): Dashboard {
  const ask = new Expressions(config)
  return dashboard({
    config,
    uid: UIDS.overview,
    title: 'Overview',
    question: 'Is anything wrong with the tasks, with which of them, since when, and because of which requests?',
    rows: [
      { title: 'Is anything wrong?', panels: headline(config, ask) },
      { title: 'What fails, and since when?', panels: failures(config, ask) },
      { title: 'Which runs failed?', panels: failedRuns(config, {}) },
      { title: 'Because of which requests?', panels: causes(config, ask) },
      { title: 'All tasks', panels: tasks(config, ask) },
    ],
  })
}
