// Is the runner well? What it can take, what it has taken, and what it lost.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import * as names from '../../../src/telemetry/names.ts'
import { UIDS, type Config } from '../../config.ts'
import { dashboard } from '../dashboard.ts'
import { chart } from '../panels/chart.ts'
import { select, sumBy } from '../promql.ts'
import { scopeOf } from '../variables.ts'

export function runner(config: Config): Dashboard {
  const scope = scopeOf(config)
  return dashboard({
    config,
    uid: UIDS.runner,
    title: 'Runner health',
    question: 'Is the runner well: is there room, does anything stand still, was anything lost?',
    rows: [
      {
        title: 'Room',
        panels: [
          chart({
            config,
            title: 'In flight, by state',
            what: 'Tasks that were accepted and have not ended, by what they wait for.',
            good: 'mostly running; held for as long as responses take; queued near 0.',
            otherwise:
              'queued grows: every slot is taken, see which tasks hold them. held grows: responses do not settle.',
            lines: [[sumBy([names.TASK_STATE], select(names.COUNT, { scope })), '{{afterglow_task_state}}']],
            unit: 'short',
            draw: 'stacked area',
            w: 24,
            h: 8,
          }),
        ],
      },
    ],
  })
}
