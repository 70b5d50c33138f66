// What the start commands and variables say about how the application will run; nothing is started for it.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { finder } from '../finding.ts'
import type { Finding } from '../finding.ts'
import type { Pm2 } from '../pm2.ts'
import type { Project } from '../project.ts'
import { startCommands } from '../start-commands.ts'
import type { StartCommand } from '../start-commands.ts'

export function checkEnvironment(project: Project, pm2: Pm2 | undefined): Finding[] {
  const commands = startCommands(project, pm2)
  return [
    checkPreload(project, commands),
    checkRejections(project, commands),
    checkSourceMaps(project, commands),
    checkSampling(project),
    checkInstanceId(project, pm2),
    checkHost(project),
  ]
}

const PRELOAD = /(?:^|\s)(?:--import|--require|-r)[= ]\s*(\S+)/g
const BOOTSTRAP = 'koa-afterglow/otel'

function checkPreload({ env }: Project, commands: readonly StartCommand[]): Finding {
  const preload = finder('preload')
  const fix = `start with node --import ${BOOTSTRAP}, or put that into NODE_OPTIONS; an import inside the app comes after Koa`
  if (preloads(env['NODE_OPTIONS']).length > 0) return preload.ok(`NODE_OPTIONS=${env['NODE_OPTIONS']}`)
  const late = commands.filter(({ command }) => preloads(command).length === 0)
  const [first] = late
  if (first) return preload.warn(`nothing is loaded before the app by ${first.where}: ${first.command}`, fix)
  if (commands.length === 0)
    return preload.skip('no start script, Procfile, Dockerfile or PM2 file shows how the app is started')
  const other = commands.find(({ command }) => !command.includes(BOOTSTRAP))
  return other
    ? preload.ok(
        `${other.where} loads ${preloads(other.command).join(', ')} first; whether that starts OpenTelemetry is yours to know`,
      )
    : preload.ok(`${BOOTSTRAP} is loaded first by ${commands.map(({ where }) => where).join(', ')}`)
}

const preloads = (command = ''): string[] => [...command.matchAll(PRELOAD)].map(([, name = '']) => name)

function checkRejections({ env }: Project, commands: readonly StartCommand[]): Finding {
  const rejections = finder('rejections')
  const modes = [...commands, { where: 'NODE_OPTIONS', command: env['NODE_OPTIONS'] ?? '' }].flatMap(
    ({ where, command }) => {
      const [, mode] = /--unhandled-rejections[= ](\w+)/.exec(command) ?? []
      return mode === undefined || mode === 'throw' ? [] : [{ where, mode }]
    },
  )
  const [found] = modes
  if (!found)
    return rejections.ok('a rejection that escapes a task is contained (--unhandled-rejections is its default)')
  return found.mode === 'strict'
    ? rejections.warn(
        `${found.where} has --unhandled-rejections=strict: a rejection that escapes a task ends the process`,
        'leave the flag out, or rely on the restart',
      )
    : rejections.warn(
        `${found.where} has --unhandled-rejections=${found.mode}: rejections of the rest of the app do not end the process`,
        'leave the flag out: this library contains what escapes a task, and only that',
      )
}

function checkSourceMaps({ env, folder }: Project, commands: readonly StartCommand[]): Finding {
  const maps = finder('source-maps')
  const built = commands.find(({ command }) => /\b(?:dist|build|lib|out)\/\S*\.[cm]?js\b/.test(command))
  if (!built || !existsSync(join(folder, 'tsconfig.json')))
    return maps.ok('the app runs from the files it is written in')
  const flag = '--enable-source-maps'
  if ([built.command, env['NODE_OPTIONS'] ?? ''].some((text) => text.includes(flag)))
    return maps.ok(`${built.where} has ${flag}`)
  return maps.warn(
    `${built.where} runs compiled files without ${flag}: stacks and exception lines name dist/, not your sources`,
    `node ${flag}, and "sourceMap": true in tsconfig.json`,
  )
}

function checkSampling({ env }: Project): Finding {
  const sampling = finder('sampling')
  const { OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: argument } = env
  const inCollector =
    'unset it, and sample in the collector, which can keep each trace with a failed task (otel-collector.yaml)'
  if (!sampler || /^(parentbased_)?always_on$/.test(sampler))
    return sampling.ok(`every trace is recorded (OTEL_TRACES_SAMPLER is ${sampler || 'its default'})`)
  if (/^(parentbased_)?always_off$/.test(sampler))
    return sampling.fail(`OTEL_TRACES_SAMPLER=${sampler}: no trace is recorded`, inCollector)
  if (sampler.endsWith('traceidratio') && Number(argument ?? 1) >= 1)
    return sampling.ok(`every trace is recorded (OTEL_TRACES_SAMPLER=${sampler})`)
  return sampling.warn(
    `OTEL_TRACES_SAMPLER=${sampler}${argument ? ` ${argument}` : ''}: most failed tasks have no trace; logs and metrics have them all`,
    inCollector,
  )
}

/** One id for several processes merges their counters into nonsense. */
function checkInstanceId({ env }: Project, pm2: Pm2 | undefined): Finding {
  const id = finder('instance-id')
  const fix = 'leave service.instance.id out: each process then makes its own'
  const fixed = (text: unknown): boolean => typeof text === 'string' && /service\.instance\.id=/.test(text)
  const shared = pm2?.apps.find(
    (app) =>
      app.instances !== '1' && (fixed(app.env['OTEL_RESOURCE_ATTRIBUTES']) || fixed(env['OTEL_RESOURCE_ATTRIBUTES'])),
  )
  if (shared)
    return id.fail(`PM2 starts ${shared.instances} processes of ${shared.name} with one service.instance.id`, fix)
  return fixed(env['OTEL_RESOURCE_ATTRIBUTES'])
    ? id.warn(
        'OTEL_RESOURCE_ATTRIBUTES sets service.instance.id: two processes with this environment count as one',
        fix,
      )
    : id.ok('each process makes its own service.instance.id')
}

const FREEZING = [
  'serverless-http',
  '@vendia/serverless-express',
  'aws-serverless-koa',
  'aws-serverless-express',
  '@codegenie/serverless-express',
]

/** Where nothing runs once the response is out, no task does. */
function checkHost({ env, manifest }: Project): Finding {
  const host = finder('host')
  const adapter = FREEZING.find((name) => manifest.dependencies?.[name])
  const fix = 'run the app as a server that lives on, or give the work to a queue'
  if (adapter)
    return host.warn(
      `${adapter} is installed: such a host stops the process once the response is out, and its tasks with it`,
      fix,
    )
  if (env['AWS_LAMBDA_FUNCTION_NAME'] || env['VERCEL'])
    return host.fail(
      'this is a function host: it stops the process once the response is out, and its tasks with it',
      fix,
    )
  if (env['K_SERVICE'])
    return host.warn(
      'on Cloud Run a process between requests has no CPU unless it is always allocated',
      'gcloud run services update --no-cpu-throttling',
    )
  return host.ok('a server of its own, as far as the dependencies and the environment show')
}
