// One process of the example shop on a clock that is turned by hand: real tasks, real requests, and the metrics that the
// real SDK collects of them once a minute. Hours take seconds.
import { metrics } from '@opentelemetry/api'
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type MetricData,
} from '@opentelemetry/sdk-metrics'
import { asValue } from 'awilix'
import { createTasks, defineTask, errorHandler, inProcess, type Tasks } from 'koa-afterglow'
import { manualClock, type ManualClock } from 'koa-afterglow/testing'
import { pino } from 'pino'
import { labelOf, seriesOf } from '../../../docs/build/prometheus-names.ts'
import { createApp } from '../../../examples/shop/app.ts'
import { createServices } from '../../../examples/shop/services.ts'
import * as shop from '../../../examples/shop/tasks.ts'
import { METRICS } from '../../../src/telemetry/names/registry.ts'
import { listen } from '../http-server.ts'
import { forgetMetrics } from '../telemetry.ts'
import { Recording, type Recorded } from './recording.ts'

const MINUTE = 60_000

/** What a process does in the minute that has come. */
export interface Moment {
  readonly minute: number
  readonly tasks: Tasks
  /** Resolves with the status, once the response was read. */
  request(path: string, body?: object): Promise<number>
  /** Another process would call `importFeed` every night; here it is one more task, without a timeout. */
  importFeed(): void
}

/** What the process talks to, which incidents break. Milliseconds, of the clock that is turned. */
export interface Neighbours {
  mailTakes: number
  mailFails: boolean
  feedTakes: number
}

export interface ProcessScript {
  readonly instance: string
  readonly environment: string
  readonly version: string
  /** The minutes of its first and of its last sample. */
  readonly from: number
  readonly to: number
  /** Drained: tasks end, and the last sample is of a runner that closed. Killed: nothing of the kind. */
  readonly end: 'drained' | 'killed'
  /** How many minutes pass between samples, by when. @default one */
  readonly step?: (minute: number) => number
  /** Slots. @default 100 */
  readonly concurrency?: number
  readonly does: (moment: Moment, neighbours: Neighbours) => Promise<void> | void
}

export async function recordProcess(script: ProcessScript): Promise<readonly Recorded[]> {
  const { instance, environment, version, from, to, end, step = () => 1, does } = script
  forgetMetrics()
  const reader = collectedByHand()
  const provider = new MeterProvider({ readers: [reader] })
  metrics.setGlobalMeterProvider(provider)
  const clock = manualClock()
  const neighbours: Neighbours = { mailTakes: 40, mailFails: false, feedTakes: 2_000 }
  const { tasks, importFeed } = shopOn(clock, neighbours, script.concurrency)
  const app = createApp({ tasks, mailbox: undefined, logger: pino({ level: 'silent' }) })
  const server = await listen(app)
  const request = async (path: string, body?: object): Promise<number> => {
    const json = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method: body ? 'POST' : 'GET', ...json })
    await response.arrayBuffer()
    return response.status
  }
  const labels = { job: 'shop', instance, deployment_environment_name: environment, service_version: version }
  const recording = new Recording(labels)
  for (let minute = from; minute <= to; minute += step(minute)) {
    await does({ minute, tasks, request, importFeed: () => void tasks.add(importFeed) }, neighbours)
    await clock.advance(step(minute) * MINUTE)
    if (end === 'drained' && minute + step(minute) > to) await closed(tasks, clock)
    recording.add(minute, await collected(reader))
  }
  await closed(tasks, clock)
  await server[Symbol.asyncDispose]()
  await provider.shutdown()
  metrics.disable()
  forgetMetrics()
  return recording.all()
}

async function closed(tasks: Tasks, clock: ManualClock): Promise<void> {
  const closing = tasks.close()
  await clock.advance(MINUTE)
  await closing
}

function shopOn(clock: ManualClock, neighbours: Neighbours, concurrency = 100) {
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms))
  const services = createServices({
    async send() {
      await sleep(neighbours.mailTakes)
      if (neighbours.mailFails) throw new TemplateError("no template 'order' in this version")
    },
  })
  services.register({
    searchIndex: asValue({ update: () => sleep(20) }),
    warehouse: asValue({ reserve: () => sleep(20) }),
  })
  const importFeed = defineTask({
    name: 'import-feed',
    owner: 'stock',
    slo: 0.95,
    timeoutMs: Infinity,
    run: () => sleep(neighbours.feedTakes),
  })
  const { sendWelcomeEmail, sendOrderConfirmation, updateSearchIndex, reserveStock } = shop
  const tasks = createTasks({
    logger: false,
    services,
    engines: { default: inProcess({ clock }) },
    limits: { concurrency },
    register: [sendWelcomeEmail, sendOrderConfirmation, updateSearchIndex, reserveStock, importFeed],
  })
  tasks.use(errorHandler({}))
  return { tasks, importFeed }
}

class TemplateError extends Error {
  override readonly name = 'TemplateError'
}

const collectedByHand = () =>
  new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
    exportIntervalMillis: 1_000_000_000,
    exportTimeoutMillis: 1_000,
  })

interface Value {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

async function collected(reader: PeriodicExportingMetricReader): Promise<readonly Value[]> {
  const { resourceMetrics } = await reader.collect()
  return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics).flatMap(valuesOf)
}

/** As Prometheus' OTLP receiver would write them. */
function valuesOf(data: MetricData): readonly Value[] {
  const info = METRICS.find(({ name }) => name === data.descriptor.name)
  if (!info) return []
  const [name = '', sum = '', count = ''] = seriesOf(info)
  if (data.dataPointType === DataPointType.HISTOGRAM)
    return data.dataPoints.flatMap(({ attributes, value }) => {
      const labels = labelsOf(attributes)
      const bounds = [...value.buckets.boundaries.map(String), '+Inf']
      let below = 0
      return [
        ...bounds.map((le, index) => ({
          name,
          labels: { ...labels, le },
          value: (below += value.buckets.counts[index] ?? 0),
        })),
        { name: sum, labels, value: value.sum ?? 0 },
        { name: count, labels, value: value.count },
      ]
    })
  return data.dataPoints.map(({ attributes, value }) => ({
    name,
    labels: labelsOf(attributes),
    value: value as number,
  }))
}

const labelsOf = (attributes: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(attributes).map(([key, value]) => [labelOf(key), String(value)]))
