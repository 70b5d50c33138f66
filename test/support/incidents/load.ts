// The incidents in a real Prometheus, in blocks of its database, with what the recording rules make of them: hours and days
// that can be asked for at once.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { recordingGroups } from '../alerts/rule-files.ts'
import { promtool } from '../promtool.ts'
import { Prometheus } from '../prometheus.ts'
import { INCIDENTS, type Incident } from './incidents.ts'
import { openMetrics } from './recording.ts'

const HOUR = 3_600
/** Enough for the longest of those that share a time. */
const BETWEEN = 30 * HOUR
const HISTORY = 72 * HOUR

export interface LoadedIncident extends Incident {
  /** Unix seconds of a minute of it. */
  readonly at: (minute: number) => number
}

export interface Incidents extends AsyncDisposable {
  readonly prometheus: Prometheus
  readonly all: readonly LoadedIncident[]
}

/** Takes about half a minute on a quiet machine. */
export async function loadIncidents(): Promise<Incidents> {
  const folder = await mkdtemp(join(tmpdir(), 'afterglow-incidents-'))
  try {
    // In the past, and well within what Prometheus keeps by default.
    const first = Math.floor(Date.now() / 1000 / HOUR) * HOUR - 48 * HOUR
    const all = INCIDENTS.map((incident) => {
      const zero = incident.alone ? first + BETWEEN : first
      return { ...incident, at: (minute: number) => zero + minute * 60 }
    })
    const parts = []
    for (const { record, at } of all) parts.push({ zero: at(0), series: await record() })
    const text = join(folder, 'incidents.txt')
    await writeFile(text, openMetrics(parts))
    const data = join(folder, 'data')
    await promtool('tsdb', 'create-blocks-from', 'openmetrics', '--max-block-duration=60h', text, data)
    await recordRules({
      data,
      folder,
      start: first - HISTORY,
      end: Math.max(...all.map(({ at, minutes }) => at(minutes))),
    })
    const prometheus = await Prometheus.start({ data })
    return {
      prometheus,
      all,
      [Symbol.asyncDispose]: async () => {
        await prometheus[Symbol.asyncDispose]()
        await rm(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

interface Recorded {
  readonly data: string
  readonly folder: string
  readonly start: number
  readonly end: number
}

/** Group by group: each rests on what those before it have recorded, and Prometheus reads blocks when it starts. */
async function recordRules({ data, folder, start, end }: Recorded): Promise<void> {
  for (const group of recordingGroups) {
    const file = join(folder, `${group.name}.yaml`)
    await writeFile(file, stringify({ groups: [group] }))
    await using prometheus = await Prometheus.start({ data })
    const range = [`--start=${start}`, `--end=${end}`, `--url=${prometheus.url}`, `--output-dir=${data}`]
    await promtool('tsdb', 'create-blocks-from', 'rules', '--max-block-duration=60h', ...range, file)
  }
}
