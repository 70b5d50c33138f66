// What `koa-afterglow dashboards` makes of the committed files. It knows nothing of how they are generated: these tests do.
import { describe, expect, it } from '@jest/globals'
import { parser as promql } from '@prometheus-io/lezer-promql'
import { parse } from 'yaml'
import { generated } from '../../dashboards/build/generated.ts'
import { config } from '../../dashboards/config.ts'
import { adapted, type Installation } from '../../src/cli/dashboards/installation.ts'
import { errorsIn, followed, provisionedFrom, spanFields, type Datasource } from '../support/grafana.ts'
import { read } from '../support/docs.ts'

const NOTHING: Installation = {
  selector: undefined,
  grafanaUrl: undefined,
  sourceUrl: undefined,
  sourceRoot: undefined,
}
const ours: Installation = {
  selector: 'cluster="eu",job=~"shop.*"',
  grafanaUrl: 'https://grafana.example/ops',
  sourceUrl: 'https://git.example/shop/blob/{version}/{path}#L{line}',
  sourceRoot: '/srv/shop-1.0/',
}
const provisioning = 'provisioning/datasources.yaml'
const datasources = (installation: Installation): readonly Datasource[] =>
  provisionedFrom<{ datasources: readonly Datasource[] }>(
    adapted(provisioning, read(`dashboards/${provisioning}`), installation),
  ).datasources

const committed = generated(config)

describe('the files of another installation', () => {
  it.each(Object.keys(committed))('%s is as if it had been generated for it', (path) => {
    const { selector = '', grafanaUrl = '' } = ours
    const anew = generated({ ...config, selector, grafanaUrl })
    expect(adapted(path, committed[path] ?? '', ours)).toBe(anew[path])
  })

  it.each([...Object.keys(committed), provisioning])('%s stays as it is if nothing is asked for', (path) => {
    const text = committed[path] ?? read(`dashboards/${path}`)
    expect(adapted(path, text, NOTHING)).toBe(text)
  })

  it.each([`team="it's"`, 'a="x # y"', 'a="x: y"', 'a="{{ x }}"', String.raw`a="\\d\"q"`, 'a="$&$1"'])(
    'are still what they were, whatever stands in the selector: %s',
    (selector) => {
      for (const [path, text] of Object.entries(committed).filter(([name]) => !name.endsWith('.libsonnet'))) {
        const content = (file: string): string =>
          JSON.stringify(path.endsWith('.json') ? JSON.parse(file) : parse(file))
        const inJson = JSON.stringify(selector).slice(1, -1)
        const wanted = content(text).replaceAll(String.raw`job=~\".+\"`, () => inJson)
        const narrowed = wanted.replaceAll(String.raw`job=~\"$job\"`, () => String.raw`${inJson},job=~\"$job\"`)
        expect(content(adapted(path, text, { ...NOTHING, selector }))).toBe(path.endsWith('.json') ? narrowed : wanted)
      }
    },
  )

  it('hold no selector and no address of ours any more', () => {
    for (const [path, text] of Object.entries(committed)) {
      const other = adapted(path, text, ours)
      expect(other).not.toMatch(/job=~\\?"\.\+\\?"/)
      expect(other).not.toContain('localhost')
    }
  })
})

describe('the datasources of another installation', () => {
  const span = {
    traceId: 'f'.repeat(32),
    spanId: 'e'.repeat(16),
    parentSpanId: undefined,
    name: 'run x',
    kind: 5,
    status: {},
    links: [],
    resource: { 'service.name': 'shop', 'service.version': '1.2.3' },
    attributes: { 'afterglow.task.name': 'x', 'afterglow.error.location': '/srv/shop-1.0/src/mail.ts:17' },
  }
  const linkOf = (installation: Installation, label: string): string | undefined => {
    const correlations = datasources(installation).flatMap((one) => one.correlations ?? [])
    const found = correlations.find((one) => one.label === label)
    return found && followed(found, spanFields(span))?.['url']
  }

  it('lead to its source code, and to its dashboards', () => {
    expect(linkOf(ours, 'Line that broke')).toBe('https://git.example/shop/blob/1.2.3/src/mail.ts#L17')
    expect(linkOf(ours, 'Dashboard of this task')).toBe('https://grafana.example/ops/d/afterglow-task?var-task=x')
  })

  it('take any address, also one with quotes', () => {
    const sourceUrl = "idea://open?file={path}&line={line}&who='me'#: {version}"
    expect(linkOf({ ...ours, sourceUrl }, 'Line that broke')).toBe(
      "idea://open?file=src/mail.ts&line=17&who='me'#: 1.2.3",
    )
  })

  it('differ in nothing else', () => {
    const lines = (installation: Installation) =>
      adapted(provisioning, read(`dashboards/${provisioning}`), installation).split('\n')
    const [before, after] = [lines(NOTHING), lines(ours)]
    const changed = after.filter((line, at) => line !== before[at])
    expect(after).toHaveLength(before.length)
    expect(changed).toHaveLength(4)
    expect(() => parse(after.join('\n')) as unknown).not.toThrow()
  })
})

describe('every query of an application', () => {
  const queries = Object.entries(committed).flatMap(([path, text]) =>
    path.endsWith('.json') ? queriesIn(JSON.parse(adapted(path, text, ours))) : [],
  )

  it('has the selector at every metric', () => {
    const selectors = queries.flatMap(vectorSelectorsOf).filter((one) => one.startsWith('afterglow_'))
    expect(selectors.length).toBeGreaterThan(5)
    for (const one of selectors) expect(one).toContain(ours.selector)
  })
})

/** As the grammar sees them, so that none is overlooked. */
function vectorSelectorsOf(query: string): readonly string[] {
  const text = query.replace(/^label_values\((.*), \w+\)$/, '$1').replaceAll(/\$__\w+/g, '5m')
  expect(errorsIn('promql', text)).toEqual([])
  const found: string[] = []
  promql.parse(text).iterate({
    enter: ({ name, from, to }) => void (name === 'VectorSelector' && found.push(text.slice(from, to))),
  })
  return found
}

/** PromQL of panels and of variables. */
function queriesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(queriesIn)
  if (typeof value !== 'object' || value === null) return []
  const { datasource } = value as { readonly datasource?: { readonly type?: string } }
  if (datasource?.type === 'loki') return []
  return Object.entries(value).flatMap(([key, one]) =>
    typeof one === 'string' && ['expr', 'definition'].includes(key) ? [one] : queriesIn(one),
  )
}
