// promtool on the shipped rules: books that do not balance, processes that are gone, work that no longer comes.
import { jest } from '@jest/globals'
import { always, at, foreignSeries, processSeries, type ProcessModel } from '../support/alerts/fleet.ts'
import { firing, quiet } from '../support/alerts/expecting.ts'
import { BUILD_MS, suiteWith } from '../support/collector.ts'

jest.setTimeout(BUILD_MS)
const suite = suiteWith(['prometheus'], import.meta.filename)

const busy = { mail: { ends: { completed: always(4) } } }
const shop = (model: Partial<ProcessModel>, samples = 60) =>
  processSeries({ instance: 'a', tasks: busy, ...model }, samples)
const collectorUp = (valueAt: (minute: number) => number | undefined) =>
  foreignSeries('up', { job: 'otel-collector', instance: 'c:8888' }, { minutes: 60, valueAt })

suite('alerts on books', () => {
  firing('fires when an accepted task is in no book any more', {
    alert: 'AfterglowLedgerImbalance',
    series: shop({ unaccounted: at(30) }),
    silent: 29,
    fires: 33,
    labels: { job: 'shop', instance: 'a' },
    says: {
      summary: 'The books of shop do not balance on a: accepted, less ended, less in flight, is 1 and not 0',
      dashboard_url: 'http://localhost:3000/d/afterglow-runner?var-job=shop&var-instance=a&from=now-6h&to=now',
      promql:
        'sum by (afterglow_task_name) (afterglow_task_submissions_total{job="shop",instance="a",afterglow_submission_result=~"accepted|fetched"}) - sum by (afterglow_task_name) (afterglow_task_settled_total{job="shop",instance="a"})',
      logql: '{service_name="shop"} | event_name="afterglow.failure"',
    },
  })
  quiet('AfterglowLedgerImbalance', 'sees the books balance while much is in flight', {
    series: shop({ inFlight: { queued: (minute) => minute % 7, running: (minute) => minute % 5 } }),
    at: [10, 33, 59],
  })
  firing('fires for a process that was killed with tasks in flight', {
    alert: 'AfterglowInstanceVanished',
    series: [
      ...shop({ to: 30, inFlight: { running: always(2), queued: always(5) } }),
      ...shop({ instance: 'b', from: 31 }),
    ],
    silent: 32,
    fires: 36,
    labels: { job: 'shop', instance: 'a' },
    says: {
      summary: 'a of shop is gone without closing; in flight when it last reported: 7',
      dashboard_url: 'http://localhost:3000/d/afterglow-runner?var-job=shop&from=now-3h&to=now',
      promql: 'sum by (afterglow_task_state) (last_over_time(afterglow_task_count{job="shop",instance="a"}[1h])) > 0',
      logql: '{service_name="shop"} | service_instance_id="a"',
    },
  })
  quiet('AfterglowInstanceVanished', 'is silent for a process that drained', {
    series: [
      ...shop({ to: 30, inFlight: { running: (minute) => (minute < 30 ? 2 : 0) } }),
      ...shop({ instance: 'b', from: 25 }),
    ],
    at: [32, 36, 59],
  })
  firing('fires when a task is not added any more that was added yesterday at this time', {
    alert: 'AfterglowTrafficCeased',
    minutes: 30,
    series: shop(
      {
        tasks: {
          mail: { owner: 'growth', ends: { completed: (n) => (n < 50 ? 12 : 0) } },
          search: { ends: { completed: always(2) } },
        },
      },
      60,
    ),
    silent: 51,
    fires: 55,
    labels: { job: 'shop', afterglow_task_name: 'mail', owner: 'growth' },
    says: {
      summary: 'mail of shop was not added for an hour; in the same hour of yesterday, times: 24',
      dashboard_url: 'http://localhost:3000/d/afterglow-task?var-job=shop&var-task=mail&from=now-2d&to=now',
      promql:
        'sum by (afterglow_submission_result) (rate(afterglow_task_submissions_total{job="shop",afterglow_task_name="mail"}[1h]))',
      logql: '{service_name="shop"} | event_name="afterglow.task.rejected" | afterglow_task_name="mail"',
    },
  })
  quiet('AfterglowTrafficCeased', 'is silent on a quiet day of the week', {
    minutes: 30,
    // Eight days of half hours: the first and the last are quiet.
    series: shop({ tasks: { mail: { ends: { completed: (n) => (n > 48 && n < 336 ? 10 : 0) } } } }, 384),
    at: [345, 360, 370],
  })
  firing('fires when a service is no longer heard of', {
    alert: 'AfterglowMetricsAbsent',
    series: [...shop({ to: 30, environment: 'production' }), ...shop({ instance: 'b' }), collectorUp(always(1))],
    silent: 40,
    fires: 45,
    labels: { job: 'shop', deployment_environment_name: 'production' },
    says: {
      summary: 'shop (production) has sent no metrics for 15m 0s',
      dashboard_url:
        'http://localhost:3000/d/afterglow-pipeline?var-job=shop&var-environment=production&from=now-12h&to=now',
      promql: 'group by (instance) (last_over_time(afterglow_runner_info{job="shop"}[6h]))',
      logql: '{service_name="shop"}',
    },
  })
  quiet('AfterglowMetricsAbsent', 'leaves it to AfterglowCollectorDown where no collector answers', {
    series: [...shop({ to: 30 }), collectorUp((minute) => (minute <= 30 ? 1 : 0))],
    at: [45, 59],
    but: ['AfterglowCollectorDown'],
  })
})
