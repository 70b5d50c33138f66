// promtool on the shipped rules: tasks that fail, are lost, or let errors escape.
import { jest } from '@jest/globals'
import { always, at, between, processSeries, type TaskModel } from '../support/alerts/fleet.ts'
import { firing } from '../support/alerts/expecting.ts'
import { BUILD_MS, suiteWith } from '../support/collector.ts'

jest.setTimeout(BUILD_MS)
const suite = suiteWith(['prometheus'], import.meta.filename)

const seldom: TaskModel = { owner: 'growth', ends: { completed: at(5) } }
const mail = { job: 'shop', afterglow_task_name: 'mail', owner: 'growth' }

suite('alerts on failures', () => {
  firing('fires for a task that runs seldom, once it failed', {
    alert: 'AfterglowTaskFailedRarely',
    series: processSeries(
      { instance: 'a', tasks: { mail: { ...seldom, ends: { completed: at(5), failed: at(30) } } } },
      60,
    ),
    silent: 29,
    fires: 31,
    labels: mail,
    says: {
      summary: 'mail of shop failed within the hour, times: 1. It ran less than 20 times, too seldom for a ratio',
      dashboard_url: 'http://localhost:3000/d/afterglow-task?var-job=shop&var-task=mail&from=now-6h&to=now',
      promql:
        'sum by (error_type, http_route) (last_over_time(afterglow_task_failures_total{job="shop",afterglow_task_name="mail"}[1h]) - (afterglow_task_failures_total{job="shop",afterglow_task_name="mail"} offset 1h or 0 * last_over_time(afterglow_task_failures_total{job="shop",afterglow_task_name="mail"}[1h]))) > 0',
      logql:
        '{service_name="shop"} | event_name="afterglow.task.run.exception" | afterglow_task_name="mail" | afterglow_task_outcome=~"failed|timed_out"',
      traceql:
        '{ resource.service.name = "shop" && span.afterglow.task.name = "mail" && span.afterglow.task.outcome =~ "failed|timed_out|dropped|interrupted" } | select(span.afterglow.task.id, span.error.type, span.afterglow.error.location, span.afterglow.request.route, span.afterglow.request.trace_id)',
    },
  })
  firing('sees the first failure of a fresh process, whose first sample has it already', {
    alert: 'AfterglowTaskFailedRarely',
    series: processSeries({ instance: 'a', from: 30, tasks: { mail: { ends: { failed: at(30) } } } }, 60),
    silent: 29,
    fires: 30,
    labels: { ...mail, owner: 'on-call' },
    says: {
      summary: 'mail of shop failed within the hour, times: 1. It ran less than 20 times, too seldom for a ratio',
    },
  })
  firing('sees the first failure of a plain function, of which nothing was exported before', {
    alert: 'AfterglowTaskFailedRarely',
    series: processSeries(
      {
        instance: 'a',
        environment: 'production',
        tasks: { mail: { ends: { completed: always(1) } }, audit: { registered: false, ends: { failed: at(40) } } },
      },
      60,
    ),
    silent: 39,
    fires: 40,
    labels: { job: 'shop', deployment_environment_name: 'production', afterglow_task_name: 'audit', owner: 'on-call' },
    says: {
      summary:
        'audit of shop (production) failed within the hour, times: 1. It ran less than 20 times, too seldom for a ratio',
      dashboard_url:
        'http://localhost:3000/d/afterglow-task?var-job=shop&var-environment=production&var-task=audit&from=now-6h&to=now',
    },
  })
  firing('leads to the right task, whatever it and its service are called', {
    alert: 'AfterglowTaskFailedRarely',
    series: processSeries(
      { instance: 'a', job: 'web/shop', tasks: { 'mail & co: 100% +1 #2': { ends: { failed: at(10) } } } },
      20,
    ),
    fires: 10,
    labels: { job: 'web/shop', afterglow_task_name: 'mail & co: 100% +1 #2', owner: 'on-call' },
    says: {
      summary:
        'mail & co: 100% +1 #2 of web/shop failed within the hour, times: 1. It ran less than 20 times, too seldom for a ratio',
      dashboard_url:
        'http://localhost:3000/d/afterglow-task?var-job=web/shop&var-task=mail%20%26%20co:%20100%25%20%2B1%20%232&from=now-6h&to=now',
      logql:
        '{service_name="shop"} | event_name="afterglow.task.run.exception" | afterglow_task_name="mail & co: 100% +1 #2" | afterglow_task_outcome=~"failed|timed_out"',
      traceql:
        '{ resource.service.name = "shop" && span.afterglow.task.name = "mail & co: 100% +1 #2" && span.afterglow.task.outcome =~ "failed|timed_out|dropped|interrupted" } | select(span.afterglow.task.id, span.error.type, span.afterglow.error.location, span.afterglow.request.route, span.afterglow.request.trace_id)',
    },
  })
  firing('sees a failure of a process that is gone by then', {
    alert: 'AfterglowTaskFailedRarely',
    series: [
      ...processSeries({ instance: 'a', from: 20, to: 22, tasks: { mail: { ends: { timed_out: at(20) } } } }, 60),
      ...processSeries({ instance: 'b', from: 23, tasks: { mail: {} } }, 60),
    ],
    fires: 59,
    labels: { ...mail, owner: 'on-call' },
    says: {
      summary: 'mail of shop failed within the hour, times: 1. It ran less than 20 times, too seldom for a ratio',
    },
  })
  firing('fires when middleware swallows more errors than it used to', {
    alert: 'AfterglowErrorsHandled',
    minutes: 5,
    series: processSeries(
      {
        instance: 'a',
        tasks: { mail: { ...seldom, ends: { completed: always(20) }, handled: (n) => (n < 80 ? n % 2 : 10) } },
      },
      90,
    ),
    silent: 79,
    fires: 84,
    labels: mail,
    says: {
      summary: 'mail of shop completed although its handler threw, times within 30m: 51; more than usual',
      dashboard_url: 'http://localhost:3000/d/afterglow-task?var-job=shop&var-task=mail&from=now-6h&to=now',
      promql:
        'sum(last_over_time(afterglow_task_handled_errors_total{job="shop",afterglow_task_name="mail"}[1h]) - (afterglow_task_handled_errors_total{job="shop",afterglow_task_name="mail"} offset 1h or 0 * last_over_time(afterglow_task_handled_errors_total{job="shop",afterglow_task_name="mail"}[1h])))',
      logql:
        '{service_name="shop"} | event_name="afterglow.task.completed" | afterglow_task_name="mail" | error_type!=""',
      traceql:
        '{ resource.service.name = "shop" && span.afterglow.task.name = "mail" && span.afterglow.task.error.handled = true }',
    },
  })
  firing('fires for what a drain interrupted, also in the last sample of a process', {
    alert: 'AfterglowTasksLost',
    series: [
      ...processSeries({ instance: 'a', to: 30, tasks: { mail: { ...seldom, ends: { interrupted: at(30, 3) } } } }, 60),
      ...processSeries({ instance: 'b', from: 31, tasks: { mail: seldom } }, 60),
    ],
    silent: 29,
    fires: 45,
    labels: { ...mail, afterglow_task_outcome: 'interrupted' },
    says: {
      summary: 'mail of shop was interrupted within the hour, times: 3',
      dashboard_url: 'http://localhost:3000/d/afterglow-task?var-job=shop&var-task=mail&from=now-6h&to=now',
      promql:
        'sum by (instance, afterglow_task_outcome) (afterglow_task_settled_total{job="shop",afterglow_task_name="mail",afterglow_task_outcome=~"dropped|interrupted"})',
      logql:
        '{service_name="shop"} | event_name=~"afterglow.task.interrupted|afterglow.task.dropped" | afterglow_task_name="mail"',
      traceql:
        '{ resource.service.name = "shop" && span.afterglow.task.name = "mail" && span.afterglow.task.outcome = "interrupted" }',
    },
  })
  firing('fires for what expired', {
    alert: 'AfterglowTasksLost',
    series: processSeries({ instance: 'a', tasks: { mail: { ...seldom, ends: { dropped: between(30, 32, 1) } } } }, 60),
    silent: 29,
    fires: 31,
    labels: { ...mail, afterglow_task_outcome: 'dropped' },
    says: { summary: 'mail of shop was dropped within the hour, times: 2' },
  })
  firing('fires for an error that escaped a task', {
    alert: 'AfterglowStrayErrors',
    series: processSeries({ instance: 'a', tasks: { mail: { ...seldom, strays: at(30) } } }, 60),
    silent: 29,
    fires: 31,
    labels: mail,
    says: {
      summary: 'Errors escaped mail of shop within the hour: 1',
      dashboard_url: 'http://localhost:3000/d/afterglow-task?var-job=shop&var-task=mail&from=now-6h&to=now',
      promql:
        'sum by (instance) (last_over_time(afterglow_task_stray_errors_total{job="shop",afterglow_task_name="mail"}[1h]) - (afterglow_task_stray_errors_total{job="shop",afterglow_task_name="mail"} offset 1h or 0 * last_over_time(afterglow_task_stray_errors_total{job="shop",afterglow_task_name="mail"}[1h]))) > 0',
      logql: '{service_name="shop"} | event_name="afterglow.task.stray_error" | afterglow_task_name="mail"',
    },
  })
  firing('sees the first that escapes a plain function', {
    alert: 'AfterglowStrayErrors',
    series: processSeries(
      { instance: 'a', tasks: { mail: {}, audit: { registered: false, ends: { completed: at(30) }, strays: at(30) } } },
      60,
    ),
    silent: 29,
    fires: 30,
    labels: { ...mail, afterglow_task_name: 'audit', owner: 'on-call' },
    says: { summary: 'Errors escaped audit of shop within the hour: 1' },
  })
  firing('fires for a hook that fails', {
    alert: 'AfterglowRunnerErrors',
    series: processSeries({ instance: 'a', tasks: { mail: seldom }, hookErrors: at(30, 2) }, 60),
    silent: 29,
    fires: 31,
    labels: { job: 'shop', afterglow_component: 'hook' },
    says: {
      summary: 'The hook of the runner of shop failed within the hour, times: 2',
      dashboard_url: 'http://localhost:3000/d/afterglow-runner?var-job=shop&from=now-6h&to=now',
      promql:
        'sum by (instance, afterglow_component) (last_over_time(afterglow_runner_errors_total{job="shop"}[1h]) - (afterglow_runner_errors_total{job="shop"} offset 1h or 0 * last_over_time(afterglow_runner_errors_total{job="shop"}[1h]))) > 0',
      logql: '{service_name="shop"} | event_name="afterglow.failure"',
    },
  })
})
