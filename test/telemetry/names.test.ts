import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { telemetryDocs, usedOn } from '../../docs/build/telemetry-docs.ts'
import * as names from '../../src/telemetry/names.ts'
import { ATTRIBUTES, LOGS, METRICS, SPANS } from '../../src/telemetry/names/registry.ts'

const root = join(import.meta.dirname, '..', '..')
const exported: readonly unknown[] = Object.values(names)
/** Every text of names.ts is the name of an attribute, but the scope's and a span's. */
const attributeNames: readonly string[] = exported.filter(
  (one): one is string => typeof one === 'string' && one !== names.SCOPE_NAME && one !== names.DRAIN_SPAN_NAME,
)
const metricNames = exported.flatMap((one) =>
  typeof one === 'object' && one !== null && 'kind' in one && 'name' in one ? [String(one.name)] : [],
)

describe('the registry of names', () => {
  test.each(Object.entries(telemetryDocs()))('%s is what `npm run docs:telemetry` makes of it', (path, text) => {
    expect(readFileSync(join(root, path), 'utf8')).toBe(text)
  })

  test('describes each attribute of names.ts, and no other', () => {
    expect(Object.keys(ATTRIBUTES).toSorted()).toEqual(attributeNames.toSorted())
  })

  test('describes each metric and each log event of names.ts, and no other', () => {
    expect(METRICS.map(({ name }) => name).toSorted()).toEqual(metricNames.toSorted())
    expect(LOGS.map(({ event }) => event).toSorted()).toEqual(Object.values(names.LOG_EVENTS).toSorted())
  })

  test('knows no attribute that nothing carries, and nothing carries one that it does not know', () => {
    expect(attributeNames.filter((name) => usedOn(name).length === 0)).toEqual([])
    const carries = [...SPANS, ...SPANS.flatMap(({ events }) => Object.values(events)), ...METRICS, ...LOGS]
    const carried = new Set(carries.flatMap(({ always, sometimes }) => [...always, ...sometimes]))
    expect([...carried].filter((name) => !(name in ATTRIBUTES))).toEqual([])
  })

  test('keeps ids and whatever else has no bound off metrics', () => {
    const unbounded = [names.TASK_ID, names.REQUEST_TRACE_ID, names.REQUEST_SPAN_ID, names.EXCEPTION_MESSAGE]
    for (const { always, sometimes } of METRICS)
      expect([...always, ...sometimes].filter((name) => unbounded.includes(name))).toEqual([])
  })

  test('follows the naming rules of OpenTelemetry: lower case, dots, no unit in a name', () => {
    for (const name of [...attributeNames, ...metricNames])
      expect(name).toMatch(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/)
    for (const { name, kind } of METRICS)
      if (kind === 'observable counter') expect(name).not.toMatch(/(_total|\.count)$/)
  })
})
