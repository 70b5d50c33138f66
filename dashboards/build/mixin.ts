// The same files for who keeps monitoring in Jsonnet: the three fields that mixins have.

/** Paths are those of the generated files, below dashboards/. */
export function mixin(paths: readonly string[]): string {
  const dashboards = paths.filter((path) => path.startsWith('grafana/'))
  const alerts = paths.filter((path) => path.startsWith('rules/') && path.includes('alerts'))
  const recording = paths.filter((path) => path.startsWith('rules/') && !path.includes('alerts'))
  return [
    '// Made by `npm run dashboards`; do not edit. For go-jsonnet: the C++ Jsonnet 0.18 misreads texts of several lines in YAML.',
    '// Another selector or address: `npx koa-afterglow dashboards --out FOLDER ...` writes this file with the others.',
    '{',
    '  grafanaDashboards+:: {',
    ...dashboards.map((path) => `    '${path.slice('grafana/'.length)}': import '${path}',`),
    '  },',
    ...groups('prometheusAlerts', alerts),
    ...groups('prometheusRules', recording),
    '}',
    '',
  ].join('\n')
}

const groups = (field: string, paths: readonly string[]): readonly string[] => [
  `  ${field}+:: {`,
  `    groups+: ${paths.map((path) => `std.parseYaml(importstr '${path}').groups`).join(' + ')},`,
  '  },',
]
