// The dashboards. Each answers one question and has a file of its own in dashboards/.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Config } from '../config.ts'
import { runner } from './dashboards/runner.ts'

export const dashboards = (config: Config): readonly Dashboard[] => [runner(config)]
