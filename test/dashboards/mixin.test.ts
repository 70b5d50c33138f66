import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'
import { root } from '../support/otel-process.ts'

const text = readFileSync(join(root, 'dashboards', 'mixin.libsonnet'), 'utf8')

it('the mixin has every dashboard and every rule file, and names no other', () => {
  const named = [...text.matchAll(/import(?:str)? '([^']+)'/g)].map(([, path]) => path)
  const there = ['grafana', 'rules'].flatMap((folder) =>
    readdirSync(join(root, 'dashboards', folder))
      .filter((name) => /\.(json|yaml)$/.test(name))
      .map((name) => `${folder}/${name}`),
  )
  expect(new Set(named)).toEqual(new Set(there))
})

it('the mixin has alerts apart from what is recorded', () => {
  const [alerts = '', recorded = ''] = text.split('prometheusRules')
  expect(alerts).toMatch(/prometheusAlerts[^]*afterglow-alerts/)
  expect(recorded).toContain('afterglow-recording')
  expect(recorded).not.toContain('alerts')
})
