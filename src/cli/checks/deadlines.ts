// Who kills the process, and whether that is later than its own deadline: Kubernetes by a manifest, PM2 by its file.
import { resolve } from 'node:path'
import { finder } from '../finding.ts'
import type { Finding } from '../finding.ts'
import type { Pm2 } from '../pm2.ts'
import { readText } from '../project.ts'
import type { Project } from '../project.ts'

/** What `gracefulShutdown` takes at most if the app does not say. */
const DEFAULT_DEADLINE_MS = 25_000
/** For the process to end once everything is closed. */
const MARGIN_MS = 1_000
const DEFAULT_GRACE_S = 30
const WORKLOADS = /^(Pod|Deployment|StatefulSet|DaemonSet|ReplicaSet|Job|CronJob)$/

interface Deadlines {
  readonly project: Project
  readonly pm2: Pm2 | undefined
  /** The path of a manifest. */
  readonly kubernetes: string | undefined
  /** As the running application has it. */
  readonly deadlineMs: number | undefined
}

export const checkDeadlines = ({
  project,
  pm2,
  kubernetes,
  deadlineMs = DEFAULT_DEADLINE_MS,
}: Deadlines): Finding[] => [...checkPm2(pm2, deadlineMs), ...checkKubernetes(project, kubernetes, deadlineMs)]

function checkPm2(pm2: Pm2 | undefined, deadlineMs: number): Finding[] {
  const found = finder('pm2')
  if (!pm2) return []
  const fix = `kill_timeout: ${deadlineMs + MARGIN_MS} for each app, or a shorter deadlineMs for gracefulShutdown`
  if (pm2.problem)
    return [found.fail(`${pm2.path} cannot be read: ${pm2.problem}`, 'mend it: PM2 reads it the same way')]
  if (pm2.apps.length === 0) return [found.warn(`${pm2.path} lists no apps`, 'give it `apps: [...]`')]
  return pm2.apps.map((app) =>
    app.killTimeoutMs >= deadlineMs + MARGIN_MS
      ? found.ok(`PM2 gives ${app.name} ${seconds(app.killTimeoutMs)}, and it needs ${seconds(deadlineMs)} at most`)
      : found.fail(
          `PM2 kills ${app.name} ${seconds(app.killTimeoutMs)} after SIGINT, but its drain may take ${seconds(deadlineMs)}`,
          fix,
        ),
  )
}

function checkKubernetes({ folder }: Project, path: string | undefined, deadlineMs: number): Finding[] {
  const kubernetes = finder('kubernetes')
  if (!path) return []
  const text = readText(resolve(folder, path))
  if (text === undefined) return [kubernetes.fail(`${path} cannot be read`, 'name the manifest of the deployment')]
  const workloads = readWorkloads(text)
  if (workloads.length === 0)
    return [
      kubernetes.fail(
        `${path} has no Deployment or other workload`,
        'name the manifest of the deployment, after templating',
      ),
    ]
  return workloads.map(({ name, graceS, preStopS }) => {
    if (graceS === undefined || preStopS === undefined)
      return kubernetes.warn(
        `${name}: its periods are templates`,
        'give doctor what `helm template` or `kustomize build` makes',
      )
    const needS = Math.ceil((deadlineMs + MARGIN_MS) / 1_000) + preStopS
    const takes = `the drain may take ${seconds(deadlineMs)}${preStopS > 0 ? ` after ${preStopS} s of preStop` : ''}`
    return graceS >= needS
      ? kubernetes.ok(`Kubernetes gives ${name} ${graceS} s; ${takes}`)
      : kubernetes.fail(
          `Kubernetes kills ${name} after ${graceS} s; ${takes}`,
          `terminationGracePeriodSeconds: ${needS}, or a shorter deadlineMs`,
        )
  })
}

interface Workload {
  readonly name: string
  /** Undefined where a template stands for the number. */
  readonly graceS: number | undefined
  readonly preStopS: number | undefined
}

/** By line, in YAML or JSON: three keys of a manifest are no reason for a YAML parser among the dependencies. */
function readWorkloads(text: string): Workload[] {
  return text
    .split(/^---.*$/m)
    .flatMap(withoutComments)
    .flatMap((document) => {
      const kind = valueOf(document, 'kind')
      if (!kind || !WORKLOADS.test(kind)) return []
      return [
        {
          name: `${kind} ${valueOf(document, 'name') ?? ''}`.trim(),
          graceS: numberOf(valueOf(document, 'terminationGracePeriodSeconds'), DEFAULT_GRACE_S),
          preStopS: preStopOf(document),
        },
      ]
    })
}

const withoutComments = (document: string): string[] => [document.replaceAll(/(^|\s)#.*$/gm, '$1')]

const valueOf = (document: string, key: string): string | undefined =>
  new RegExp(`^[\\s{,-]*"?${key}"?:\\s*"?([^\\s",}]+|\\{\\{.*?\\}\\})`, 'm').exec(document)?.[1]

const numberOf = (text: string | undefined, otherwise: number): number | undefined =>
  text === undefined ? otherwise : /^\d+$/.test(text) ? Number(text) : undefined

/** `sleep: { seconds: 5 }` or a command that sleeps: both count against the grace period. */
function preStopOf(document: string): number | undefined {
  const hook = /"?preStop"?:([\s\S]{0,400})/.exec(document)?.[1]
  if (!hook) return 0
  return numberOf(/"?seconds"?:\s*([^\s,}]+)/.exec(hook)?.[1] ?? /sleep["',\s]+(\d+)/.exec(hook)?.[1], 0)
}

const seconds = (ms: number): string => `${ms / 1_000} s`
