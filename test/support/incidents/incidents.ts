// Five incidents and a calm day of the shop. What the shop exports is recorded from the real library; the collector and
// the SDK are small models. Each has an environment of its own, so that all lie in one Prometheus.
import { foreignSeries } from '../alerts/fleet.ts'
import { sendOrderConfirmation, sendWelcomeEmail } from '../../../examples/shop/tasks.ts'
import { recordProcess, type Moment, type Neighbours, type ProcessScript } from './process.ts'
import { recordedOf, type Recorded } from './recording.ts'

const MINUTE = 60_000

export interface Fires {
  readonly alert: string
  /** The minutes within which it begins and ends. */
  readonly begins: readonly [number, number]
  readonly ends: readonly [number, number]
  /** Of its labels. */
  readonly labels: Readonly<Record<string, string>>
}

export interface Incident {
  /** `deployment_environment_name` of all that the shop exports. */
  readonly environment: string
  /** How many minutes are recorded, from 0. */
  readonly minutes: number
  /** When it is at its worst: what panels are asked at. */
  readonly worst: number
  /** All that fires, and nothing else. */
  readonly fires: readonly Fires[]
  /** Panels that are red at the worst of it, by dashboard, in the order in which a person finds them. */
  readonly red: readonly string[]
  /** Collectors are of no environment: an incident of theirs must be alone. */
  readonly alone?: boolean
  readonly record: () => Promise<readonly Recorded[]>
}

/** A request of each kind, most of which add a task. */
async function traffic({ request, minute }: Moment): Promise<void> {
  await request('/order', { orderId: 1 + Math.abs(minute) })
  await request('/register', { username: 'ada', email: 'ada@example.com' })
  if (minute % 5 === 0) await request('/flaky-task')
}

type Brief = Omit<ProcessScript, 'environment' | 'version' | 'end' | 'does'> &
  Partial<Pick<ProcessScript, 'version' | 'end' | 'does'>>

/** One after the other: a process of this machine has one set of instruments. */
async function fleet(environment: string, ...processes: readonly Brief[]): Promise<readonly Recorded[]> {
  const series: Recorded[] = []
  for (const brief of processes)
    series.push(...(await recordProcess({ version: '1.4.0', end: 'drained', does: traffic, ...brief, environment })))
  return series
}

const OF_COLLECTOR = { job: 'otel-collector', instance: '127.0.0.1:8888' }
const collector = (minutes: number, up: (minute: number) => number = () => 1): readonly Recorded[] => {
  const alive = (value: number) => (minute: number) => (up(minute) === 1 ? value : undefined)
  const ofExporters = ['traces', 'metrics', 'logs'].flatMap((signal) => {
    const labels = { ...OF_COLLECTOR, exporter: `otlp_http/${signal}`, data_type: signal }
    return [
      foreignSeries('otelcol_exporter_queue_size', labels, { minutes, valueAt: alive(12) }),
      foreignSeries('otelcol_exporter_queue_capacity', labels, { minutes, valueAt: alive(100_000) }),
    ]
  })
  return [foreignSeries('up', OF_COLLECTOR, { minutes, valueAt: up }), ...ofExporters].map(recordedOf)
}

const THREE_DAYS = 3 * 24 * 60
const CALM = 26 * 60
/** As much as `traffic`, at once: long windows need something to compare with, not every minute of it. */
const halfAnHour = ({ tasks }: Moment): void => {
  for (let n = 1; n <= 30; n++) {
    tasks.add(sendOrderConfirmation, { orderId: n, email: 'ada@example.com' })
    tasks.add(sendWelcomeEmail, { username: 'ada', email: 'ada@example.com' })
  }
}

const calmDay: Incident = {
  environment: 'calm-day',
  minutes: CALM,
  worst: CALM - 60,
  red: [],
  fires: [],
  record: async () => {
    const step = (minute: number): number => (minute < 24 * 60 ? 2 : 1)
    return [
      ...collector(CALM),
      ...(await fleet(
        'calm-day',
        { instance: 'calm-a', from: 0, to: 780, step },
        { instance: 'calm-b', version: '1.4.1', from: 778, to: CALM, step },
      )),
    ]
  },
}

/** A version whose mails have no template is rolled out at 120, and back at 145. */
const failingDeploy: Incident = {
  environment: 'failing-deploy',
  minutes: 240,
  worst: 143,
  red: [
    'overview: Failed runs',
    'overview: Least error budget left',
    'overview: Failure ratio, by task',
    'overview: Tasks',
    'task: Error budget left',
    'task: Failure ratio',
  ],
  fires: [sendOrderConfirmation, sendWelcomeEmail].map(({ name, owner = 'on-call' }) => ({
    alert: 'AfterglowBudgetBurnFast',
    begins: [126, 134],
    ends: [148, 162],
    labels: { afterglow_task_name: name, owner, severity: 'critical' },
  })),
  record: () =>
    fleet(
      'failing-deploy',
      {
        instance: 'old',
        from: -THREE_DAYS,
        to: 120,
        step: (minute) => (minute < 0 ? 30 : 1),
        does: (moment) => (moment.minute < 0 ? halfAnHour(moment) : traffic(moment)),
      },
      {
        instance: 'new',
        version: '1.5.0',
        from: 119,
        to: 145,
        does: (moment, neighbours) => {
          neighbours.mailFails = true
          return traffic(moment)
        },
      },
      { instance: 'old-again', from: 144, to: 240 },
    ),
}

/** The neighbour that feeds come from takes a connection at 60 and says nothing for 80 minutes. */
const hungTask: Incident = {
  environment: 'hung-task',
  minutes: 200,
  worst: 130,
  red: ['overview: Tasks', 'runner: Oldest running task, of what is too long'],
  fires: [
    {
      alert: 'AfterglowTaskHung',
      begins: [75, 80],
      ends: [136, 141],
      labels: { afterglow_task_name: 'import-feed', owner: 'stock', severity: 'warning', instance: 'hung-a' },
    },
  ],
  record: () =>
    fleet('hung-task', {
      instance: 'hung-a',
      from: 0,
      to: 200,
      does: (moment, neighbours) => {
        neighbours.feedTakes = moment.minute === 60 ? 80 * MINUTE : 2_000
        if (moment.minute % 60 === 0) moment.importFeed()
        return traffic(moment)
      },
    }),
}

/** Ten imports hang at once, in a runner of ten slots: everything else waits behind them for 25 minutes. */
const stuckQueue: Incident = {
  environment: 'stuck-queue',
  minutes: 180,
  worst: 80,
  red: [
    'overview: Oldest waiting task',
    'overview: Fullest instance',
    'overview: Tasks',
    'runner: Instances',
    'runner: Slots taken, by instance',
    'runner: Oldest waiting task, by instance',
    'runner: Oldest running task, of what is too long',
  ],
  fires: [
    {
      alert: 'AfterglowQueueStuck',
      begins: [64, 69],
      ends: [84, 92],
      labels: { instance: 'stuck-a', owner: 'on-call', severity: 'critical' },
    },
  ],
  record: () =>
    fleet('stuck-queue', {
      instance: 'stuck-a',
      from: 0,
      to: 180,
      concurrency: 10,
      does: (moment, neighbours) => {
        neighbours.feedTakes = 25 * MINUTE
        if (moment.minute === 60) for (let n = 0; n < 10; n++) moment.importFeed()
        return traffic(moment)
      },
    }),
}

/** One of two instances is killed at 90 while it imports; another takes its place. */
const killedProcess: Incident = {
  environment: 'killed-process',
  minutes: 180,
  worst: 100,
  red: ['overview: Vanished with tasks in flight', 'runner: Vanished with tasks in flight'],
  fires: [
    {
      alert: 'AfterglowInstanceVanished',
      begins: [93, 98],
      ends: [148, 153],
      labels: { instance: 'killed-a', owner: 'on-call', severity: 'warning' },
    },
  ],
  record: () => {
    const importing = (moment: Moment, neighbours: Neighbours): Promise<void> => {
      neighbours.feedTakes = 3 * MINUTE
      moment.importFeed()
      return traffic(moment)
    }
    return fleet(
      'killed-process',
      { instance: 'killed-a', from: 0, to: 90, end: 'killed', does: importing },
      { instance: 'killed-b', from: 0, to: 180 },
      { instance: 'killed-c', from: 92, to: 180 },
    )
  },
}

/** The collector is away from 60 to 85. What was in flight then is lost; counters go on. */
const deadCollector: Incident = {
  environment: 'dead-collector',
  minutes: 180,
  worst: 80,
  red: [
    'overview: Least error budget left',
    'overview: Oldest waiting task',
    'overview: Fullest instance',
    'overview: Is this dashboard blind?',
    'overview: Ledger balance',
    'overview: Vanished with tasks in flight',
    'overview: Instances',
    'task: Error budget left',
    'task: Running for',
    'pipeline: Last heard',
    'pipeline: Lost in applications',
    'pipeline: Collectors that answer',
  ],
  alone: true,
  fires: [
    {
      alert: 'AfterglowCollectorDown',
      begins: [62, 65],
      ends: [84, 87],
      labels: { instance: '127.0.0.1:8888', owner: 'on-call', severity: 'critical' },
    },
    {
      alert: 'AfterglowTelemetryDropped',
      begins: [84, 87],
      ends: [98, 103],
      labels: { signal: 'traces', error_type: 'OTLPExporterError', severity: 'warning' },
    },
  ],
  record: async () => {
    const away = (minute: number): boolean => minute >= 60 && minute < 85
    const shop = await fleet(
      'dead-collector',
      { instance: 'dead-a', from: 0, to: 180 },
      { instance: 'dead-b', from: 0, to: 180 },
    )
    const dropped = foreignSeries(
      'otel_sdk_processor_span_processed_total',
      {
        job: 'shop',
        instance: 'dead-a',
        deployment_environment_name: 'dead-collector',
        error_type: 'OTLPExporterError',
      },
      { minutes: 181, valueAt: (minute) => (minute >= 85 ? 480 : undefined) },
    )
    return [
      ...collector(181, (minute) => (away(minute) ? 0 : 1)),
      ...[...shop, recordedOf(dropped)].map((one) => ({
        ...one,
        points: one.points.filter(([minute]) => !away(minute)),
      })),
    ]
  },
}

export const INCIDENTS: readonly Incident[] = [
  calmDay,
  failingDeploy,
  hungTask,
  stuckQueue,
  killedProcess,
  deadCollector,
]
