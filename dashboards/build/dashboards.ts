// The dashboards. Each answers one question and has a file of its own in dashboards/.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Config } from '../config.ts'
import { overview } from './dashboards/overview.ts'
import { pipeline } from './dashboards/pipeline.ts'
import { run } from './dashboards/run.ts'
import { runbooks } from './dashboards/runbooks.ts'
import { runner } from './dashboards/runner.ts'
import { task } from './dashboards/task.ts'

export const dashboards = (config: Config): readonly Dashboard[] => [
  overview(config),
  task(config),
  run(config),
  runner(config),
  pipeline(config),
  runbooks(config),
]
