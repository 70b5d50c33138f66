// What was promised, and what became of it, by the words of the processes that did it.

interface Run {
  readonly process: number
  /** Claims on it that were lost until then. */
  readonly lostClaims: number
  readonly beganAt: number
  endedAt?: number
}

/** From the kill of the process that ran it until it ran again. */
interface Wait {
  readonly ms: number
  readonly losses: number
}

/** An end is stored a moment after it was said; one that was killed within it may run again. */
const STORING_MS = 1_000

export interface Verdict {
  readonly acknowledged: number
  readonly ran: number
  /** Acknowledged, and no run of it ended. */
  readonly lost: readonly string[]
  readonly twice: number
  /** Ran again although the process that ran it before was alive, or had ended it long before. */
  readonly unexplained: readonly string[]
  /** Of those that a killed process had begun: how long until another began it again, at most. */
  readonly longestMs: number
  /** The same of those that another had claimed, and not begun, when it was killed too. */
  readonly again: { readonly count: number; readonly longestMs: number }
  readonly events: Readonly<Record<string, number>>
}

export class Books {
  readonly #acknowledged = new Set<string>()
  readonly #runs = new Map<string, Run[]>()
  readonly #killedAt = new Map<number, number>()
  readonly #lostClaims = new Map<string, Set<number>>()
  readonly #events: Record<string, number> = {}

  /** One line of a process. */
  note(process: number, line: string): void {
    const [what = '', first = '', second = ''] = line.split(' ')
    if (what === 'refused') this.#event(process, what, first)
    if (what === 'acknowledged') this.#acknowledged.add(first)
    else if (what === 'began') this.#began(process, first, Number(second))
    else if (what === 'ended') this.#ended(process, first)
    else if (what === 'event') this.#event(process, first, second)
  }

  killed(process: number): void {
    this.#killedAt.set(process, performance.now())
  }

  get open(): number {
    return [...this.#acknowledged].filter((id) => !this.#hasEnded(id)).length
  }

  verdict(): Verdict {
    const all = [...this.#runs]
    const twice = all.filter(([, runs]) => runs.length > 1)
    const waits = twice.flatMap(([, runs]) => runs.slice(1).flatMap((run, at) => this.#waitFor(run, runs[at]) ?? []))
    const longest = (some: readonly Wait[]) => Math.max(0, ...some.map(({ ms }) => ms))
    const again = waits.filter(({ losses }) => losses > 1)
    return {
      acknowledged: this.#acknowledged.size,
      ran: all.length,
      lost: [...this.#acknowledged].filter((id) => !this.#hasEnded(id)),
      twice: twice.length,
      unexplained: twice
        .filter(([id, runs]) => runs.slice(0, -1).some((run) => !this.#mayRunAgain(id, run)))
        .map(([id]) => id),
      longestMs: longest(waits.filter(({ losses }) => losses <= 1)),
      again: { count: again.length, longestMs: longest(again) },
      events: this.#events,
    }
  }

  #waitFor(run: Run, before: Run | undefined): Wait | undefined {
    const killedAt = this.#killedAt.get(before?.process ?? -1)
    if (!before || killedAt === undefined) return undefined
    return { ms: run.beganAt - killedAt, losses: run.lostClaims - before.lostClaims }
  }

  #began(process: number, id: string, lostClaims: number): void {
    const runs = this.#runs.get(id) ?? []
    runs.push({ process, lostClaims, beganAt: performance.now() })
    this.#runs.set(id, runs)
  }

  #ended(process: number, id: string): void {
    const run = this.#runs.get(id)?.findLast((one) => one.process === process)
    if (run) run.endedAt = performance.now()
  }

  #event(process: number, type: string, id: string): void {
    this.#events[type] = (this.#events[type] ?? 0) + 1
    if (type !== 'claim_lost') return
    const processes = this.#lostClaims.get(id) ?? new Set()
    this.#lostClaims.set(id, processes.add(process))
  }

  #hasEnded(id: string): boolean {
    return this.#runs.get(id)?.some((run) => run.endedAt !== undefined) === true
  }

  #mayRunAgain(id: string, { process, endedAt = Infinity }: Run): boolean {
    const killedAt = this.#killedAt.get(process)
    if (killedAt !== undefined && endedAt > killedAt - STORING_MS) return true
    return this.#lostClaims.get(id)?.has(process) === true
  }
}
