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
export async function compare(
  ours: Contender,
  peer: Contender,
  options: { pairs: number; perRound: number },
): Promise<Comparison> {
  for (let warm = 0; warm < 3; warm++) for (const one of [ours, peer]) await time(one)
  const ratios: number[] = []
  const itself: number[] = []
  const times = { ours: [] as number[], peer: [] as number[] }
  for (let pair = 0; pair < options.pairs; pair++) {
    const oursFirst = pair % 2 === 0
    const a = oursFirst ? await time(ours) : undefined
    const b = await time(peer)
    const c = a ?? (await time(ours))
    const again = await time(peer)
    ratios.push(c / b)
    itself.push(again / b)
    times.ours.push(c)
    times.peer.push(b)
  }
  const perTask = (all: readonly number[]) => (median(all) * 1e6) / options.perRound
  return {
    ratio: interval(ratios),
    peerAgainstItself: interval(itself),
    ns: { ours: perTask(times.ours), peer: perTask(times.peer) },
  }
}

const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b)
const median = (values: readonly number[]): number => sorted(values)[values.length >> 1] ?? NaN

/** The 95 % interval of a median: ranks n/2 ± 0.98 √n. */
function interval(values: readonly number[]): Ratio {
  const all = sorted(values)
  const half = 0.98 * Math.sqrt(all.length)
  const at = (rank: number) => all[Math.min(all.length - 1, Math.max(0, Math.round(rank)))] ?? NaN
  return { median: median(all), low: at(all.length / 2 - half - 1), high: at(all.length / 2 + half) }
}

export function report(what: string, { ratio, peerAgainstItself, ns }: Comparison, target: number): string {
  const shown = ({ median: middle, low, high }: Ratio) => `${middle.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`
  const missed = ratio.low > target && ratio.low > target * peerAgainstItself.high
  return [
    what.padEnd(58),
    `${ns.ours.toFixed(0)} ns`.padStart(9),
    `${ns.peer.toFixed(0)} ns`.padStart(9),
    shown(ratio).padStart(19),
    shown(peerAgainstItself).padStart(19),
    `<= ${target.toFixed(2)} ${missed ? 'missed' : 'held'}`,
  ].join('  ')
}
