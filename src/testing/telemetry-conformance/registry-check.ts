// Nothing is exported that the registry does not know, and what it says is always there is.
import assert from 'node:assert/strict'
import { SpanKind } from '@opentelemetry/api'
import * as names from '../../telemetry/names.ts'
import { ATTRIBUTES, LOGS, METRICS, SPANS, type Carries } from '../../telemetry/names/registry.ts'
import type { Bench, ExportedMetric, ExportedSpan, Line } from './bench.ts'

export async function checkRegistry(bench: Bench): Promise<void> {
  for (const span of bench.allSpans())
    if (span.instrumentationScope.name === names.SCOPE_NAME) checkSpan(span)
    else checkForeignSpan(span)
  for (const metric of await bench.metrics()) checkMetric(metric)
  for (const line of bench.lines) if (names.EVENT_NAME in line.fields) checkLine(line)
}

/** The name that the registry has, made whole by what the span carries. */
const wholeName = (name: string, { attributes }: ExportedSpan): string =>
  name
    .replace('{task}', String(attributes[names.TASK_NAME]))
    .replace('{queue}', String(attributes[names.MESSAGING_DESTINATION]))

function checkSpan(span: ExportedSpan): void {
  const where = `span '${span.name}'`
  const known = SPANS.find(({ name }) => wholeName(name, span) === span.name)
  assert.ok(known, `${where} is not in the registry`)
  assert.equal(SpanKind[span.kind], known.kind, `${where} has another kind`)
  checkAttributes(where, span.attributes, known)
  for (const { attributes } of span.links) {
    const others = Object.keys(attributes ?? {}).filter((name) => name !== names.LINK_TYPE && name !== names.TASK_NAME)
    assert.deepEqual(others, [], `${where}: attributes of a link`)
    const type = String(attributes?.[names.LINK_TYPE])
    assert.ok(known.links.includes(type), `${where} links '${type}', which is not in the registry`)
  }
  for (const { name, attributes } of span.events) {
    const event: Carries | undefined = known.events[name]
    assert.ok(event, `${where} has the event '${name}', which is not in the registry`)
    checkAttributes(`${where} event '${name}'`, attributes ?? {}, event)
  }
}

/** What is written on the SERVER span of a request. */
function checkForeignSpan({ name, attributes }: ExportedSpan): void {
  const ours = Object.keys(attributes).filter((attribute) => attribute.startsWith('afterglow.'))
  const known = SPANS.filter(({ kind }) => kind === 'SERVER').flatMap(({ always, sometimes }) => [
    ...always,
    ...sometimes,
  ])
  for (const attribute of ours)
    assert.ok(known.includes(attribute), `span '${name}' carries ${attribute}, which the registry does not say of it`)
}

function checkMetric({ descriptor, dataPoints }: ExportedMetric): void {
  const where = `metric '${descriptor.name}'`
  const known = METRICS.find(({ name }) => name === descriptor.name)
  assert.ok(known, `${where} is not in the registry`)
  assert.equal(descriptor.unit, known.unit, `${where} has another unit`)
  for (const { attributes, value } of dataPoints) {
    checkAttributes(where, attributes, known)
    assert.equal(typeof value === 'object', known.kind === 'histogram', `${where} is another kind of instrument`)
  }
}

function checkLine({ level, fields }: Line): void {
  const event = String(fields[names.EVENT_NAME])
  const known = LOGS.find((one) => one.event === event)
  assert.ok(known, `log event '${event}' is not in the registry`)
  assert.ok(
    known.severity.some((severity) => severity.toLowerCase() === level),
    `log event '${event}' is written at ${level}`,
  )
  checkAttributes(`log event '${event}'`, fields, known)
}

function checkAttributes(where: string, attributes: Readonly<Record<string, unknown>>, known: Carries): void {
  for (const name of known.always) assert.ok(attributes[name] !== undefined, `${where} lacks ${name}`)
  for (const [name, value] of Object.entries(attributes)) {
    const allowed = known.always.includes(name) || known.sometimes.includes(name)
    assert.ok(allowed, `${where} carries ${name}, which the registry does not say of it`)
    checkValue(`${where} ${name}`, name, value)
  }
}

function checkValue(where: string, name: string, value: unknown): void {
  const info = ATTRIBUTES[name]
  assert.ok(info, `${where} is not in the registry`)
  const is: Readonly<Record<typeof info.type, boolean>> = {
    string: typeof value === 'string',
    'string[]': Array.isArray(value) && value.every((one) => typeof one === 'string'),
    int: Number.isInteger(value),
    double: typeof value === 'number',
    boolean: typeof value === 'boolean',
  }
  assert.ok(is[info.type], `${where} is not of type ${info.type}: ${JSON.stringify(value)}`)
  if (info.values)
    assert.ok(info.values.includes(String(value)), `${where} is ${String(value)}, which is not in its set`)
}
