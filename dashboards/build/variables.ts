// What can be chosen at the top of each dashboard, and how queries use it.
import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  VariableHide,
  VariableRefresh,
  VariableSort,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import * as names from '../../src/telemetry/names.ts'
import { DEFAULT_SELECTOR, type Config } from '../config.ts'
import { COLLECTOR, selectForeign } from './foreign.ts'
import { labelOf, select } from './promql.ts'

type Variable = Builder<VariableModel>

export const PROMETHEUS = { type: 'prometheus', uid: '${datasource}' } as const
export const LOKI = { type: 'loki', uid: '${loki}' } as const
export const TEMPO = { type: 'tempo', uid: '${tempo}' } as const

/** `deployment.environment.name`, a promoted resource attribute. */
export const ENVIRONMENT = 'deployment_environment_name'

/** Of every series of an application: what is chosen, and what the installation adds. */
export const scopeOf = ({ selector }: Config): string =>
  [
    ...(selector === DEFAULT_SELECTOR ? [] : [selector]),
    'job=~"$job"',
    'instance=~"$instance"',
    `${ENVIRONMENT}=~"$environment"`,
  ].join(',')

const datasource = (name: string, type: string, label: string): Variable =>
  new DatasourceVariableBuilder(name).label(label).type(type)

/** A setting of the builder, where a linter sees an array being sorted in place. */
const ORDER = 'sort'
const ALL = { selected: true, text: ['All'], value: ['$__all'] }

/** Several may be chosen; all of them, also those that lack the label, to begin with. */
function labelValues(name: string, label: string, { of, from }: { of: string; from: string }): QueryVariableBuilder {
  const variable = new QueryVariableBuilder(name)
    .label(label)
    .datasource(PROMETHEUS)
    .query({ qryType: 1, query: `label_values(${from}, ${of})`, refId: name })
    .definition(`label_values(${from}, ${of})`)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .multi(true)
    .includeAll(true)
    .current(ALL)
  return variable[ORDER](VariableSort.AlphabeticalAsc)
}

export interface Choices {
  /** `many` to narrow down, `one` to look at. */
  readonly task?: 'many' | 'one'
  /** The text fields of the run explorer. */
  readonly ids?: boolean
  /** The jobs that scrape collectors. */
  readonly collector?: boolean
}

export function variables({ selector }: Config, { task, ids, collector }: Choices): readonly Variable[] {
  const jobs = select(names.RUNNER_INFO, { scope: [selector, `${ENVIRONMENT}=~"$environment"`].join(',') })
  const chosen = [...(selector === DEFAULT_SELECTOR ? [] : [selector]), 'job=~"$job"', `${ENVIRONMENT}=~"$environment"`]
  const instances = select(names.RUNNER_INFO, { scope: chosen.join(',') })
  const tasks = select(names.TASK_INFO, { scope: chosen.join(',') })
  const anywhere = select(names.RUNNER_INFO, { scope: selector })
  return [
    datasource('datasource', 'prometheus', 'Metrics'),
    datasource('loki', 'loki', 'Logs'),
    datasource('tempo', 'tempo', 'Traces'),
    labelValues('environment', 'Environment', { of: ENVIRONMENT, from: anywhere }).allValue('.*'),
    labelValues('job', 'Service', { of: 'job', from: jobs }).allValue('.+'),
    // Logs and traces know a service by its name alone; `job` has its namespace before it.
    labelValues('service', 'Service name', { of: 'job', from: instances })
      .regex('/([^\\/]+)$/')
      .hide(VariableHide.HideVariable),
    labelValues('instance', 'Instance', { of: 'instance', from: instances }).allValue('.*'),
    ...(task ? [taskVariable(labelValues('task', 'Task', { of: labelOf(names.TASK_NAME), from: tasks }), task)] : []),
    ...(collector ? [collectorVariable(selector)] : []),
    ...(ids ? [textBox('run', 'Run (task id)'), textBox('trace', 'Trace id'), textBox('route', 'Route')] : []),
  ]
}

const taskVariable = (variable: QueryVariableBuilder, how: 'many' | 'one'): Variable =>
  how === 'many'
    ? variable.allValue('.*')
    : variable.multi(false).includeAll(false).current({ selected: false, text: '', value: '' })

const collectorVariable = (selector: string): Variable => {
  const from = selectForeign(COLLECTOR.uptime, selector)
  return labelValues('collector', 'Collector', { of: 'job', from }).allValue('.+')
}

const textBox = (name: string, label: string): Variable =>
  new TextBoxVariableBuilder(name).label(label).defaultValue('').current({ selected: true, text: '', value: '' })
