// Is the dashboard blind? What becomes of spans, lines and metrics on their way from the application to here.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { UIDS, type Config } from '../../config.ts'
import { dashboard } from '../dashboard.ts'
import { Expressions } from '../expressions.ts'
import { applications, blindness } from '../rows/pipeline-applications.ts'
import { collectors, sampling } from '../rows/pipeline-collector.ts'

export function pipeline(config: Config): Dashboard {
  const ask = new Expressions(config)
  return dashboard({
    config,
    uid: UIDS.pipeline,
    title: 'Telemetry pipeline',
    question: 'Is the dashboard blind: does what happens in the applications arrive here, all of it, and in time?',
    collector: true,
    rows: [
      { title: 'Is the dashboard blind?', panels: blindness(config, ask) },
      { title: 'Applications', panels: applications(config, ask) },
      { title: 'Collector', panels: collectors(config) },
      { title: 'Tail sampling', panels: sampling(config) },
    ],
  })
}
