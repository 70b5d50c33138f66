// promtool on the shipped rules: tasks that fail more often than their objective allows.
import { jest } from '@jest/globals'
import { always, processSeries, type TaskModel } from '../support/alerts/fleet.ts'
import { firing, quiet } from '../support/alerts/expecting.ts'
import { BUILD_MS, suiteWith } from '../support/collector.ts'

jest.setTimeout(BUILD_MS)
const suite = suiteWith(['prometheus'], import.meta.filename)

const mail = { job: 'shop', afterglow_task_name: 'mail', owner: 'on-call' }
/** `good` and `bad` a sample, bad ones from sample `from` on. */
const failing = (good: number, bad: number, from: number, more: TaskModel = {}): TaskModel => ({
  ...more,
  ends: { completed: always(good), failed: (sample) => (sample >= from ? bad : 0) },
})
const shop = (task: TaskModel, samples: number) => processSeries({ instance: 'a', tasks: { mail: task } }, samples)

suite('alerts on budgets', () => {
  firing('fires when a quarter of the runs fails', {
    alert: 'AfterglowBudgetBurnFast',
    series: shop(failing(3, 1, 20), 60),
    silent: 22,
    fires: 50,
    labels: mail,
    says: {
      summary: 'mail of shop failed in 16.85% of its runs within 1h: more than 14.4 times what its objective allows',
      dashboard_url: 'http://localhost:3000/d/afterglow-task?var-job=shop&var-task=mail&from=now-3h&to=now',
      promql:
        'sum by (error_type, http_route) (last_over_time(afterglow_task_failures_total{job="shop",afterglow_task_name="mail"}[1h]) - (afterglow_task_failures_total{job="shop",afterglow_task_name="mail"} offset 1h or 0 * last_over_time(afterglow_task_failures_total{job="shop",afterglow_task_name="mail"}[1h]))) > 0',
      logql:
        '{service_name="shop"} | event_name="afterglow.task.run.exception" | afterglow_task_name="mail" | afterglow_task_outcome=~"failed|timed_out"',
      traceql:
        '{ resource.service.name = "shop" && span.afterglow.task.name = "mail" && span.afterglow.task.outcome =~ "failed|timed_out|dropped|interrupted" } | select(span.afterglow.task.id, span.error.type, span.afterglow.error.location, span.afterglow.request.route, span.afterglow.request.trace_id)',
    },
  })
  firing('knows the objective and the owner that the definition of a task names', {
    alert: 'AfterglowBudgetBurnFast',
    series: [
      ...shop(failing(97, 3, 0, { slo: 0.999, owner: 'growth' }), 60),
      // The same failures, with the objective of config.ts.
      ...processSeries({ instance: 'b', tasks: { search: failing(97, 3, 0) } }, 60),
    ],
    silent: 1,
    fires: 50,
    labels: { ...mail, owner: 'growth' },
    says: {
      summary: 'mail of shop failed in 3% of its runs within 1h: more than 14.4 times what its objective allows',
    },
  })
  firing('fires for an objective so low that no ratio is a multiple of what it allows', {
    alert: 'AfterglowBudgetBurnFast',
    series: shop(failing(0, 2, 0, { slo: 0.5 }), 60),
    fires: 50,
    labels: mail,
    says: {
      summary: 'mail of shop failed in 100% of its runs within 1h: more than 14.4 times what its objective allows',
    },
  })
  firing('sees a fresh process all of whose runs fail', {
    alert: 'AfterglowBudgetBurnFast',
    series: [
      ...processSeries({ instance: 'a', to: 20, tasks: { mail: failing(2, 0, 0) } }, 60),
      ...processSeries({ instance: 'b', from: 21, tasks: { mail: failing(0, 2, 0) } }, 60),
    ],
    silent: 22,
    fires: 40,
    labels: mail,
    says: {
      summary: 'mail of shop failed in 48.78% of its runs within 1h: more than 14.4 times what its objective allows',
    },
  })
  quiet('AfterglowBudgetBurnFast', 'is over soon after the failures are', {
    series: shop({ ends: { completed: always(3), failed: (minute) => (minute > 20 && minute < 40 ? 3 : 0) } }, 70),
    at: [52, 60, 69],
  })
  firing('fires when eight of a hundred runs fail for hours', {
    alert: 'AfterglowBudgetBurnSlow',
    minutes: 5,
    series: shop(failing(92, 8, 24), 120),
    silent: 26,
    fires: 110,
    labels: mail,
    says: {
      summary: 'mail of shop failed in 8% of its runs within 6h: more than 6 times what its objective allows',
      dashboard_url: 'http://localhost:3000/d/afterglow-task?var-job=shop&var-task=mail&from=now-12h&to=now',
    },
  })
  firing('fires when two of a hundred runs fail for days', {
    alert: 'AfterglowBudgetBurnLong',
    minutes: 30,
    series: shop(failing(98, 2, 4), 80),
    silent: 5,
    fires: 79,
    labels: mail,
    says: {
      summary: 'mail of shop failed in 1.901% of its runs within 3d: more than its objective allows',
      dashboard_url: 'http://localhost:3000/d/afterglow-task?var-job=shop&var-task=mail&from=now-7d&to=now',
    },
  })
  quiet('AfterglowBudgetBurnFast', 'is silent while there are too few runs for a ratio', {
    series: shop({ ends: { failed: (minute) => (minute % 4 === 0 ? 1 : 0) } }, 70),
    at: [10, 40, 69],
    but: ['AfterglowTaskFailedRarely'],
  })
})
