// As much of semantic versioning as the ranges of this package's own package.json use: `>=a <b`, `^a`, `a || b`.

type Version = readonly [major: number, minor: number, patch: number]

export function versionOf(text: string): Version {
  const [major = 0, minor = 0, patch = 0] = (/\d+(?:\.\d+){0,2}/.exec(text)?.[0] ?? '').split('.').map(Number)
  return [major, minor, patch]
}

export const satisfies = (version: string, range: string): boolean =>
  range.split('||').some((all) =>
    all
      .trim()
      .split(/\s+/)
      .every((one) => fits(versionOf(version), one)),
  )

function fits(version: Version, comparator: string): boolean {
  const limit = versionOf(comparator)
  const order = compare(version, limit)
  if (comparator.startsWith('>=')) return order >= 0
  if (comparator.startsWith('<')) return order < 0
  if (!comparator.startsWith('^')) return order === 0
  const [major, minor] = limit
  return order >= 0 && compare(version, major > 0 ? [major + 1, 0, 0] : [0, minor + 1, 0]) < 0
}

export function compare(a: Version, b: Version): number {
  const at = a.findIndex((part, index) => part !== b[index])
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0)
}
