// What the reports of a run mean.
import { finder } from '../finding.ts'
import type { Finding } from '../finding.ts'
import type { Answer, End, Ran } from './run.ts'
import type { Report } from './report.ts'
import { judgeTelemetry } from './judge-telemetry.ts'

export function judge(ran: Ran): Finding[] {
  const { reports, listened, answers, end, stderr } = ran
  const start = finder('start')
  const app = reports.find(({ runners, listening }) => runners.length > 0 && listening.length > 0)
  if (end.early || !listened)
    return [
      end.early
        ? start.fail(
            `the command ended ${ended(end)} before it listened${lastLine(stderr)}`,
            'make it run by itself first',
          )
        : start.fail(
            'the command did not listen for requests',
            'give the command that serves HTTP, or more time by --timeout',
          ),
    ]
  if (!app)
    return [
      start.fail(
        'a process listens, but none that listens has called createTasks()',
        'this is another server, or the app serves requests without tasks: app.use(tasks.middleware())',
      ),
    ]
  const serving = reports.filter(({ runners }) => runners.length > 0)
  return [
    start.ok(
      `listens on port ${app.listening.join(', ')}, Node ${app.node}${serving.length > 1 ? `, ${serving.length} processes` : ''}`,
    ),
    judgeMiddleware(app),
    judgeNames(app),
    ...judgeTelemetry(app, serving),
    judgeRejections(app),
    ...(answers.length > 0 ? judgeRequests(app, answers) : []),
    judgeEnd(app, end),
  ]
}

function judgeMiddleware({ mounted, middlewareMade, requests }: Report): Finding {
  const middleware = finder('middleware')
  const fix = 'app.use(tasks.middleware()), before everything else'
  if (!middlewareMade) return middleware.fail('tasks.middleware() was never called: requests have no ctx.tasks', fix)
  const [first] = mounted
  if (!first)
    return requests > 0
      ? middleware.ok('requests reach tasks.middleware(); what is above it could not be seen')
      : middleware.warn('tasks.middleware() was made, but no app.use() got it', fix)
  if (first.above === 0) return middleware.ok('tasks.middleware() is the first')
  const names = first.names.length > 0 ? ` (${first.names.join(', ')})` : ''
  return middleware.warn(`${first.above} middleware above tasks.middleware() have no ctx.tasks${names}`, fix)
}

function judgeNames({ runners }: Report): Finding {
  const names = finder('task-names')
  const all = runners.flatMap((runner) => runner.names)
  const short = all.filter((name) => name.length === 1)
  return short.length > 0
    ? names.warn(
        `tasks named ${short.join(', ')}: a minifier has renamed functions, and names them otherwise in the next build`,
        'name them: defineTask({ name }) or add("send-mail", () => ...); or keep names (esbuild --keep-names)',
      )
    : names.ok(
        all.length > 0
          ? `tasks: ${all.join(', ')}`
          : 'no task is registered before its first add, so its counters start late',
      )
}

function judgeRejections({ rejectionMode: mode, foreignListeners, runners }: Report): Finding {
  const listeners = finder('listeners')
  const fix = 'leave rejections that escape a task to this library, or live with the other handler deciding'
  if (foreignListeners > 0)
    return listeners.warn(
      `${foreignListeners} other listener(s) for unhandledRejection: nothing that escapes a task is contained`,
      fix,
    )
  if (mode !== undefined && mode !== 'throw')
    return listeners.warn(`--unhandled-rejections=${mode} decides over what escapes a task`, fix)
  return listeners.ok(
    runners.every(({ contains }) => contains)
      ? 'a rejection that escapes a task is contained'
      : "a rejection that escapes a task ends the process (strayErrors: 'report')",
  )
}

function judgeRequests(app: Report, answers: readonly Answer[]): Finding[] {
  const request = finder('request')
  return answers.map(({ path, status, problem }) => {
    if (status === undefined)
      return request.fail(`GET ${path} got no answer${problem ? `: ${problem}` : ''}`, 'see what the app logs')
    if (app.requests === 0)
      return request.fail(
        `GET ${path} was answered with ${status}, and never reached tasks.middleware()`,
        'mount it above what answered',
      )
    if (status >= 400)
      return request.warn(`GET ${path} was answered with ${status}`, 'give --request a path that works')
    const [runner] = app.runners
    const accepted = runner?.submissions['accepted'] ?? 0
    const outcomes = Object.entries(runner?.outcomes ?? {}).filter(([, count]) => count > 0)
    if (accepted === 0)
      return request.ok(`GET ${path} was answered with ${status}; until the end of the app no task was added`)
    return request.ok(
      `GET ${path} was answered with ${status}; ${accepted} ${accepted === 1 ? 'task' : 'tasks'} accepted, ${outcomes.map(([name, count]) => `${count} ${name}`).join(', ')}`,
    )
  })
}

function judgeEnd({ shutdown, sigtermListeners, exitCode }: Report, end: End): Finding {
  const stop = finder('stop')
  const use = 'await gracefulShutdown({ server, tasks, telemetry }), which waits for SIGTERM'
  if (end.killed)
    return stop.fail(
      `had to be killed ${end.ms / 1_000} s after SIGTERM`,
      'something keeps the process alive: close it in onClosed',
    )
  if (shutdown) {
    const { deadlineMs, telemetry } = shutdown
    if (!telemetry) return stop.warn('gracefulShutdown() has no telemetry: the last spans and lines may be lost', use)
    return exitCode === 0
      ? stop.ok(`ended with code 0 in ${end.ms} ms after SIGTERM; its deadline is ${deadlineMs / 1_000} s`)
      : stop.warn(
          `ended ${exitCode === undefined ? ended(end) : `with code ${exitCode}`} after SIGTERM`,
          'an orchestrator takes any code but 0 for a crash',
        )
  }
  return sigtermListeners > 0
    ? stop.warn(
        `the app handles SIGTERM by itself, and ended ${ended(end)}; whether it awaits tasks.close() is yours to know`,
        use,
      )
    : stop.fail('SIGTERM ends the process at once, and accepted tasks with it', use)
}

const ended = ({ code, signal }: End): string => (signal ? `by ${signal}` : `with code ${code}`)

function lastLine(text: string): string {
  const error = text.split('\n').findLast((line) => /^\S*(?:Error|\[ERR)\b/.test(line))
  const line = error ?? text.trimEnd().split('\n').at(-1)
  return line ? `: ${line.trim()}` : ''
}
