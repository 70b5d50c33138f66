// promtool on the shipped rules: queues that stand still or lag, tasks that hang, runners that are full.
import { jest } from '@jest/globals'
import { ageing, always, between, processSeries, type ProcessModel } from '../support/alerts/fleet.ts'
import { firing, quiet } from '../support/alerts/expecting.ts'
import { BUILD_MS, suiteWith } from '../support/collector.ts'

jest.setTimeout(BUILD_MS)
const suite = suiteWith(['prometheus'], import.meta.filename)

const busy = { mail: { ends: { completed: always(4) } } }
const instance = { job: 'shop', instance: 'a' }
const shop = (model: Partial<ProcessModel>) => processSeries({ instance: 'a', tasks: busy, ...model }, 60)

suite('alerts on work that does not move', () => {
  firing('fires when tasks wait and nothing ends', {
    alert: 'AfterglowQueueStuck',
    series: shop({
      tasks: { mail: { ends: { completed: between(0, 20, 4) }, runningFor: ageing(20) } },
      inFlight: { running: (minute) => (minute >= 20 ? 100 : 0), queued: (minute) => (minute >= 20 ? 50 : 0) },
      waits: ageing(20),
    }),
    silent: 23,
    fires: 27,
    labels: instance,
    says: {
      summary: 'The queue of shop stands still: a task has waited for 7m 0s, and nothing ended in 5m on a',
      dashboard_url: 'http://localhost:3000/d/afterglow-runner?var-job=shop&var-instance=a&from=now-3h&to=now',
      promql: 'sum by (afterglow_task_state) (afterglow_task_count{job="shop",instance="a"})',
      logql: '{service_name="shop"} | event_name="afterglow.task.stuck"',
      traceql:
        '{ resource.service.name = "shop" && span.afterglow.task.name != nil && span.afterglow.task.outcome = "timed_out" }',
    },
  })
  firing('is the only one that fires, also when it has stood for long', {
    alert: 'AfterglowQueueStuck',
    series: shop({
      tasks: { mail: { ends: { completed: between(0, 10, 4) }, timeout: 'none', runningFor: ageing(10) } },
      inFlight: { running: (minute) => (minute >= 10 ? 100 : 0), queued: (minute) => (minute >= 10 ? 9_500 : 0) },
      waits: ageing(10),
    }),
    fires: 55,
    labels: instance,
    says: { summary: 'The queue of shop stands still: a task has waited for 45m 0s, and nothing ended in 5m on a' },
  })
  firing('fires when tasks wait for long, though some end', {
    alert: 'AfterglowQueueLagging',
    series: shop({ waits: (minute) => (minute >= 20 ? 45 : 0), inFlight: { queued: always(3) } }),
    silent: 28,
    fires: 31,
    labels: { job: 'shop', afterglow_engine: 'in_process' },
    says: {
      summary: 'Tasks of shop wait: the oldest that is ready to run has for 45s (engine in_process)',
      dashboard_url: 'http://localhost:3000/d/afterglow-runner?var-job=shop&from=now-6h&to=now',
      promql:
        'histogram_quantile(0.95, sum by (le, afterglow_task_name) (rate(afterglow_task_wait_duration_seconds_bucket{job="shop"}[5m])))',
      traceql: '{ resource.service.name = "shop" && span.afterglow.task.wait_time > 30 }',
    },
  })
  firing('fires for a task without a timeout that does not end', {
    alert: 'AfterglowTaskHung',
    series: shop({
      tasks: { ...busy, sync: { timeout: 'none', owner: 'stock', runningFor: ageing(20) } },
      inFlight: { running: (minute) => (minute >= 20 ? 1 : 0) },
    }),
    silent: 35,
    fires: 40,
    labels: { ...instance, afterglow_task_name: 'sync', owner: 'stock' },
    says: {
      summary: 'sync of shop has run for 20m 0s on a, and does not end',
      dashboard_url: 'http://localhost:3000/d/afterglow-task?var-job=shop&var-task=sync&from=now-6h&to=now',
      promql: 'max by (instance) (afterglow_task_oldest_running_age_seconds{job="shop",afterglow_task_name="sync"})',
      logql: '{service_name="shop"} | afterglow_task_name="sync"',
      traceql: '{ resource.service.name = "shop" && span.afterglow.task.name = "sync" && duration > 1m }',
    },
  })
  firing('knows the timeout that the definition of a task names', {
    alert: 'AfterglowTaskHung',
    series: shop({
      tasks: {
        ...busy,
        sync: { timeout: 30, runningFor: ageing(20) },
        report: { timeout: 3_600, runningFor: ageing(20) },
      },
      inFlight: { running: (minute) => (minute >= 20 ? 2 : 0) },
    }),
    silent: 22,
    fires: 26,
    labels: { ...instance, afterglow_task_name: 'sync', owner: 'on-call' },
    says: { summary: 'sync of shop has run for 6m 0s on a, and does not end' },
  })
  quiet('AfterglowTaskHung', 'leaves alone what runs for long and ends', {
    series: shop({ tasks: { ...busy, sync: { timeout: 'none', runningFor: (minute) => (minute % 14) * 60 } } }),
    at: [14, 28, 42, 59],
  })
  firing('fires when all slots are taken', {
    alert: 'AfterglowSaturated',
    series: shop({ inFlight: { running: (minute) => (minute >= 20 ? 98 : 10) } }),
    silent: 28,
    fires: 31,
    labels: { ...instance, resource: 'slots' },
    says: {
      summary: 'The runner of shop is full: 98% of its slots taken on a',
      dashboard_url: 'http://localhost:3000/d/afterglow-runner?var-job=shop&var-instance=a&from=now-6h&to=now',
      promql:
        'sum by (afterglow_task_name) (rate(afterglow_task_run_duration_seconds_sum{job="shop",instance="a"}[5m]))',
      logql: '{service_name="shop"} | event_name="afterglow.task.rejected"',
    },
  })
  firing('fires when there is no room for more', {
    alert: 'AfterglowSaturated',
    series: shop({ inFlight: { delayed: (minute) => (minute >= 20 ? 9_500 : 10) } }),
    silent: 28,
    fires: 31,
    labels: { ...instance, resource: 'room for tasks' },
    says: { summary: 'The runner of shop is full: 95% of its room for tasks taken on a' },
  })
})
