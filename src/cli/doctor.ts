// `koa-afterglow doctor`: looks at the folder, and with a command at the running application.
import { checkDeadlines } from './checks/deadlines.ts'
import { checkEnvironment } from './checks/environment.ts'
import { checkExporters } from './checks/exporters.ts'
import { checkPackages } from './checks/packages.ts'
import { finder } from './finding.ts'
import type { Finding } from './finding.ts'
import { judge } from './live/judge.ts'
import { run } from './live/run.ts'
import type { Ran } from './live/run.ts'
import { readPm2 } from './pm2.ts'
import { openProject } from './project.ts'

export interface DoctorOptions {
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  /** Started and stopped again; none to look at the files only. */
  readonly command: readonly string[]
  readonly requests: readonly string[]
  readonly kubernetes: string | undefined
  readonly pm2: string | undefined
  readonly startLimitMs: number
}

export async function doctor(options: DoctorOptions): Promise<Finding[]> {
  const project = openProject(options.folder, options.env)
  const pm2 = await readPm2(project, options.pm2)
  const exporters = checkExporters(project)
  const ran = options.command.length > 0 ? await runSafely(options) : undefined
  return [
    ...checkPackages(project),
    ...checkEnvironment(project, pm2),
    ...(await exporters),
    ...(ran ? ('reports' in ran ? judge(ran) : [ran]) : [NOT_RUN]),
    ...checkDeadlines({ project, pm2, kubernetes: options.kubernetes, deadlineMs: deadlineOf(ran) }),
  ]
}

const NOT_RUN = finder('start').skip(
  'the app was not run; to see whether it records: koa-afterglow doctor -- node --import koa-afterglow/otel app.js',
)

async function runSafely(options: DoctorOptions): Promise<Ran | Finding> {
  try {
    return await run(options)
  } catch (error) {
    return finder('start').fail(
      `${options.command.join(' ')} cannot be started: ${(error as Error).message}`,
      'check the command',
    )
  }
}

/** What the running application says wins over the default. */
const deadlineOf = (ran: Ran | Finding | undefined): number | undefined =>
  ran && 'reports' in ran ? ran.reports.find(({ shutdown }) => shutdown)?.shutdown?.deadlineMs : undefined
