import type { SeenPoint } from './telemetry.ts'

/** The values of one metric by the attribute that tells its series apart. */
export const by = (points: readonly SeenPoint[], name: string, attribute: string): Record<string, unknown> =>
  Object.fromEntries(
    points
      .filter((point) => point.name === name)
      .map(({ attributes, value }) => [String(attributes[attribute]), value]),
  )

/** What all series of one metric come to, or those that `fits` picks. */
export const total = (
  points: readonly SeenPoint[],
  name: string,
  fits: (attributes: SeenPoint['attributes']) => boolean = () => true,
): number =>
  points
    .filter((point) => point.name === name && fits(point.attributes))
    .reduce((sum, { value }) => sum + Number(value), 0)

/** The only value of a metric without attributes. */
export function only(points: readonly SeenPoint[], name: string): unknown {
  const found = points.filter((point) => point.name === name)
  if (found.length !== 1) throw new Error(`${found.length} series of ${name}`)
  return found[0]?.value
}

/** A histogram's count and sum over all of its series. */
export function histogram(points: readonly SeenPoint[], name: string): { count: number; sum: number } {
  const values = points
    .filter((point) => point.name === name)
    .map(({ value }) => value as { count: number; sum: number })
  return {
    count: values.reduce((all, { count }) => all + count, 0),
    sum: values.reduce((all, { sum }) => all + sum, 0),
  }
}

/** The ledger's law as it is exported: must be zero. */
export const missingIn = (points: readonly SeenPoint[]): number =>
  total(points, 'afterglow.task.submissions', (attributes) =>
    ['accepted', 'fetched'].includes(String(attributes['afterglow.submission.result'])),
  ) -
  total(points, 'afterglow.task.settled') -
  total(points, 'afterglow.task.count')
