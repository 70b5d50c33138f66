// The committed dashboards, as far as tests look into them.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from './otel-process.ts'

export interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly targets?: readonly {
    readonly datasource?: { readonly type: string }
    readonly expr?: string
    readonly query?: string
  }[]
  /** Of a row that is folded. */
  readonly panels?: readonly Panel[]
}
export interface DashboardJson {
  readonly uid: string
  readonly title: string
  readonly templating: { readonly list: readonly { readonly name: string }[] }
  readonly panels: readonly Panel[]
}

export const readDashboard = async (uid: string): Promise<DashboardJson> =>
  JSON.parse(await readFile(join(root, 'dashboards', 'grafana', `${uid}.json`), 'utf8')) as DashboardJson

/** Those in rows too. */
export const panelsOf = ({ panels }: Pick<DashboardJson, 'panels'>): readonly Panel[] =>
  panels.flatMap((panel) => [panel, ...panelsOf({ panels: panel.panels ?? [] })])
