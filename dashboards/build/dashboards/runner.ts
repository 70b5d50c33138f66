// Is the runner well? What it can take, what it has taken, and what it lost.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { UIDS, type Config } from '../../config.ts'
import { dashboard } from '../dashboard.ts'
import { Expressions } from '../expressions.ts'
import { loop, saturation } from '../rows/runner-room.ts'
import { accounts, drains, instances } from '../rows/runner-loss.ts'

export function runner(config: Config): Dashboard {
  const ask = new Expressions(config)
  return dashboard({
    config,
    uid: UIDS.runner,
    title: 'Runner health',
    question: 'Is the runner well: is there room, does anything stand still, was anything lost?',
    rows: [
      { title: 'Which instances?', panels: instances(config, ask) },
      { title: 'Is there room?', panels: saturation(config, ask) },
      { title: 'Does everything add up?', panels: accounts(config, ask) },
      { title: 'Do tasks disturb requests?', panels: loop(config, ask) },
      { title: 'Do instances stop in order?', panels: drains(config, ask) },
    ],
  })
}
