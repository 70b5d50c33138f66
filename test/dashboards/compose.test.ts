// compose.yaml and the shop's image: everything that they name is there. What docker would make of them is not tried here;
// that compose can read the file is (test/integration/compose.test.ts).
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'
import { read } from '../support/docs.ts'
import { provisioned } from '../support/grafana.ts'
import { root } from '../support/otel-process.ts'

interface Service {
  readonly image: string
  readonly build?: { readonly dockerfile: string }
  readonly command?: readonly string[]
  readonly environment: Readonly<Record<string, string | number>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: object
}
const { services, volumes } = parse(read('compose.yaml')) as {
  readonly services: Readonly<Record<'lgtm' | 'shop' | 'traffic', Service>>
  readonly volumes: object
}
const all = Object.entries(services)
const mounts = (services.lgtm.volumes ?? []).map((mount) => mount.split(':'))
/** Where a file of this repository is in the container. */
const mountedAt = (path: string): string => mounts.find(([source]) => source === path)?.[1] ?? `${path} is not mounted`

describe('compose.yaml', () => {
  it('mounts only what is there, and nothing of it may be written to', () => {
    const files = mounts.filter(([source = '']) => source.startsWith('./'))
    expect(files.length).toBeGreaterThan(5)
    for (const [source = '', , mode] of files)
      expect({ source, there: existsSync(join(root, source)), mode }).toEqual({ source, there: true, mode: 'ro' })
    for (const [source = ''] of mounts.filter((mount) => !files.includes(mount))) expect(volumes).toHaveProperty(source)
  })

  it('opens ports to this machine only', () => {
    const ports = all.flatMap(([, { ports: of = [] }]) => of)
    expect(ports.length).toBeGreaterThan(3)
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\$\{[A-Z_]+_PORT:-\d+\}:\d+$/)
    const published = ports.map((port) => /:-(\d+)/.exec(port)?.[1])
    expect(new Set(published).size).toBe(published.length)
  })

  it('pins the images', () => {
    expect(services.lgtm.image).toMatch(/^grafana\/otel-lgtm:\d+\.\d+\.\d+$/)
    expect(read('examples/shop/Dockerfile')).toMatch(/^FROM node:\d+\.\d+\.\d+-slim$/m)
  })

  it('starts each service once what it needs is well', () => {
    for (const [, { depends_on: needed = {} }] of all)
      for (const [name, { condition }] of Object.entries(needed)) {
        expect(condition).toBe('service_healthy')
        expect(services[name as 'lgtm'].healthcheck).toBeDefined()
      }
    expect(services.traffic.image).toBe(services.shop.image)
  })

  it('sets variables that are read', () => {
    const own = (name: string) => /^(OTELCOL|AFTERGLOW)_/.test(name) && name !== 'OTELCOL_EXTRA_ARGS'
    const config = read('otel-collector.yaml') + read('dashboards/provisioning/datasources.yaml')
    for (const name of Object.keys(services.lgtm.environment).filter(own))
      expect(config).toContain(`{${name}`.replace('{OTELCOL', '{env:OTELCOL'))
    for (const name of Object.keys(services.shop.environment).filter((one) => !one.startsWith('OTEL_')))
      expect(read('examples/shop/env.ts')).toContain(`  ${name}: z.`)
    for (const name of Object.keys(services.traffic.environment)) expect(read('examples/shop/demo.ts')).toContain(name)
  })

  it('puts the files where the programs of the image look for them', () => {
    const conf = '/otel-lgtm/grafana/conf/provisioning'
    expect(mountedAt('./dashboards/provisioning/datasources.yaml')).toBe(`${conf}/datasources/grafana-datasources.yaml`)
    expect(dirname(mountedAt('./dashboards/provisioning/dashboards.yaml'))).toBe(`${conf}/dashboards`)
    expect(mountedAt('./otel-collector.yaml')).toBe('/otel-lgtm/otelcol-config.yaml')
    const { providers } = provisioned<{ providers: readonly { options: { path: string } }[] }>(
      'dashboards/provisioning/dashboards.yaml',
    )
    expect(providers.map(({ options }) => options.path)).toEqual([mountedAt('./dashboards/grafana')])
    // Rules are named relative to the file that names them.
    const { rule_files: rules } = parse(read('stack/prometheus.yaml')) as { rule_files: readonly string[] }
    const folder = dirname(mountedAt('./stack/prometheus.yaml'))
    expect(rules.map((rule) => dirname(join(folder, rule)))).toEqual([mountedAt('./dashboards/rules')])
    expect(services.lgtm.environment['OTELCOL_HOST']).toBe('0.0.0.0')
    const home = String(services.lgtm.environment['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'])
    expect(dirname(home)).toBe(mountedAt('./dashboards/grafana'))
    expect(existsSync(join(root, 'dashboards/grafana', basename(home)))).toBe(true)
  })

  it('sends to the collector, more often than the datasource believes and not less', () => {
    const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_METRIC_EXPORT_INTERVAL: interval } = services.shop.environment
    expect(endpoint).toBe('http://lgtm:4318')
    const believed = /timeInterval: (\d+)s/.exec(read('dashboards/provisioning/datasources.yaml'))?.[1]
    expect(Number(interval)).toBeLessThanOrEqual(1_000 * Number(believed))
  })
})

describe("the shop's image", () => {
  const lines = read('examples/shop/Dockerfile').split('\n')
  const admitted = read('.dockerignore')
    .split('\n')
    .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []))

  it('copies only what is there and admitted', () => {
    const copied = lines.flatMap((line) => (line.startsWith('COPY ') ? line.split(' ').slice(1, -1) : []))
    expect(copied.length).toBeGreaterThan(3)
    for (const path of copied) {
      expect(existsSync(join(root, path))).toBe(true)
      expect(admitted).toContain(path.split('/')[0])
    }
  })

  it('starts the shop as `npm start` does', () => {
    const command = JSON.parse(lines.find((line) => line.startsWith('CMD '))?.slice(4) ?? '') as readonly string[]
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    expect(command.join(' ')).toBe(scripts['start'])
    expect(services.traffic.command?.join(' ')).toBe(scripts['demo'])
  })
})
