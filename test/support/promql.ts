// Queries as Grafana asks them: its variables replaced, on a real Prometheus.
import type { Prometheus, Series } from './prometheus.ts'

export type Variables = Readonly<Record<string, string>>

/** Everything chosen, and windows as short as what a test has recorded. */
export const EVERYTHING: Variables = {
  environment: '.*',
  job: '.+',
  service: '.+',
  instance: '.*',
  task: '.*',
  __rate_interval: '1m',
  __interval: '15s',
  __auto: '1m',
  __range: '5m',
  __range_s: '300',
}

/** @throws Error for a variable that has no value: it would be asked for as it stands */
export function substitute(query: string, variables: Variables = EVERYTHING): string {
  const value = (name: string): string => {
    const found = variables[name]
    if (found === undefined) throw new Error(`no value for $${name} in ${query}`)
    return found
  }
  return query
    .replaceAll(/\$\{(\w+)(?::\w+)?\}/g, (_whole, name: string) => value(name))
    .replaceAll(/\$([a-zA-Z_]\w*)/g, (_whole, name: string) => value(name))
}

export interface Asking {
  readonly variables?: Variables
  /** Unix seconds. @default now */
  readonly time?: number
}

export const ask = (prometheus: Prometheus, query: string, { variables, time }: Asking = {}): Promise<Series[]> =>
  prometheus.query(substitute(query, { ...EVERYTHING, ...variables }), time)
