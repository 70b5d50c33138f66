// Made by `npm run dashboards`; do not edit. For go-jsonnet: the C++ Jsonnet 0.18 misreads texts of several lines in YAML.
// Another selector or address: `npx koa-afterglow dashboards --out FOLDER ...` writes this file with the others.
{
  grafanaDashboards+:: {
    'afterglow-overview.json': import 'grafana/afterglow-overview.json',
    'afterglow-task.json': import 'grafana/afterglow-task.json',
    'afterglow-run.json': import 'grafana/afterglow-run.json',
    'afterglow-runner.json': import 'grafana/afterglow-runner.json',
    'afterglow-pipeline.json': import 'grafana/afterglow-pipeline.json',
    'afterglow-runbooks.json': import 'grafana/afterglow-runbooks.json',
  },
  prometheusAlerts+:: {
    groups+: std.parseYaml(importstr 'rules/afterglow-alerts.yaml').groups,
  },
  prometheusRules+:: {
    groups+: std.parseYaml(importstr 'rules/afterglow-recording.yaml').groups,
  },
}
