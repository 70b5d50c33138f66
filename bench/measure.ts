/** One contender: does the whole work of one round and resolves when all of it is done, logs flushed. */
export interface Contender {
  readonly name: string
  run(): Promise<void>
}

export interface Ratio {
  readonly median: number
  readonly low: number
  readonly high: number
}

/** A pair of contenders, and the second against itself in the same run: a ratio inside that interval means nothing. */
export interface Comparison {
  readonly ratio: Ratio
  readonly peerAgainstItself: Ratio
  readonly ns: { readonly ours: number; readonly peer: number }
}

const PAUSE_MS = 20
const settle = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS))

async function time(contender: Contender): Promise<number> {
  await settle()
  const began = performance.now()
  await contender.run()
  return performance.now() - began
}

/**
 * Interleaved pairs, so that what the machine does meanwhile hits both; the order within a pair alternates. Each pair gives
 * one ratio; the median of all and its 95 % interval (by order statistics) are what is printed.
 */
export async function pairs(
  ours: () => Promise<number>,
  peer: () => Promise<number>,
  count: number,
): Promise<Pick<Comparison, 'ratio' | 'peerAgainstItself'> & { ours: number; peer: number }> {
  const ratios: number[] = []
  const itself: number[] = []
  const all = { ours: [] as number[], peer: [] as number[] }
  for (let pair = 0; pair < count; pair++) {
    const oursFirst = pair % 2 === 0
    const a = oursFirst ? await ours() : undefined
    const b = await peer()
    const c = a ?? (await ours())
    const again = await peer()
    ratios.push(c / b)
    itself.push(again / b)
    all.ours.push(c)
    all.peer.push(b)
  }
  return {
    ratio: interval(ratios),
    peerAgainstItself: interval(itself),
    ours: median(all.ours),
    peer: median(all.peer),
  }
}

export async function compare(
  ours: Contender,
  peer: Contender,
  options: { pairs: number; perRound: number },
): Promise<Comparison> {
  for (let warm = 0; warm < 3; warm++) for (const one of [ours, peer]) await time(one)
  const { ratio, peerAgainstItself, ...ms } = await pairs(
    () => time(ours),
    () => time(peer),
    options.pairs,
  )
  const perTask = (all: number) => (all * 1e6) / options.perRound
  return { ratio, peerAgainstItself, ns: { ours: perTask(ms.ours), peer: perTask(ms.peer) } }
}

const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b)
export const median = (values: readonly number[]): number => sorted(values)[values.length >> 1] ?? NaN

/** The 95 % interval of a median: ranks n/2 ± 0.98 √n. */
export function interval(values: readonly number[]): Ratio {
  const all = sorted(values)
  const half = 0.98 * Math.sqrt(all.length)
  const at = (rank: number) => all[Math.min(all.length - 1, Math.max(0, Math.round(rank)))] ?? NaN
  return { median: median(all), low: at(all.length / 2 - half - 1), high: at(all.length / 2 + half) }
}

export const shown = ({ median: middle, low, high }: Ratio): string =>
  `${middle.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`

/** A target is missed only outside both intervals. */
export const isMissed = (target: number, { ratio, peerAgainstItself }: Omit<Comparison, 'ns'>): boolean =>
  ratio.low > target && ratio.low > target * peerAgainstItself.high

export function report(what: string, comparison: Comparison, target: number): string {
  const { ratio, peerAgainstItself, ns } = comparison
  return [
    what.padEnd(58),
    `${ns.ours.toFixed(0)} ns`.padStart(9),
    `${ns.peer.toFixed(0)} ns`.padStart(9),
    shown(ratio).padStart(19),
    shown(peerAgainstItself).padStart(19),
    `<= ${target.toFixed(2)} ${isMissed(target, comparison) ? 'missed' : 'held'}`,
  ].join('  ')
}
