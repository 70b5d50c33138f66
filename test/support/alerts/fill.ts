/** Enough of Prometheus' templates for labels that need no encoding; what a case gives literally does not come by here. */
export const fill = (template: string, labels: Readonly<Record<string, string>>): string =>
  template
    .replaceAll(
      /\{\{ with \$labels\.(\w+) \}\}(.*?)\{\{ \.[^}]*\}\}(.*?)\{\{ end \}\}/g,
      (_all, label: string, a: string, b: string) => (labels[label] === undefined ? '' : `${a}${labels[label]}${b}`),
    )
    .replaceAll(/\{\{ \$labels\.(\w+)[^}]*\}\}/g, (_all, label: string) => labels[label] ?? '')
