import { InvalidOptionError } from '../core/errors.ts'
import type { Middleware, RunnerOwner } from './task-middleware.ts'

export interface ProbeOptions {
  /** @default '/livez' */
  readonly livez?: string
  /** @default '/readyz' */
  readonly readyz?: string
  /**
   * What must work for a request to be served, by name; one that throws, rejects or takes longer than a second makes the
   * service unready. Keep out of it what a request can do without, and what all instances share: if that fails, none is ready.
   */
  readonly checks?: Readonly<Record<string, () => unknown>>
}

const CHECK_MS = 1_000

/**
 * Answers two paths and leaves the rest alone. `/livez` is 200 while the event loop turns, so that nothing but a hung process
 * is restarted. `/readyz` is 503 from the first moment of a shutdown, and while a check fails. A full queue does not make it
 * unready: taking an instance out of a pool because it is busy makes the others busier, which is what `tasks.guard()` is for.
 * @throws InvalidOptionError
 */
export function probes(owner: Pick<RunnerOwner, 'runner'>, options: ProbeOptions = {}): Middleware {
  const { livez = '/livez', readyz = '/readyz', checks = {} } = options
  for (const [name, path] of Object.entries({ livez, readyz }))
    if (!(typeof path === 'string' && path.startsWith('/')))
      throw new InvalidOptionError(`probes: expected \`${name}\` to be a path such as '/${name}', got ${path}`)
  for (const [name, check] of Object.entries(checks))
    if (typeof check !== 'function')
      throw new InvalidOptionError(`probes: expected the check '${name}' to be a function, got ${typeof check}`)
  const failing = judge(checks, (name, error) => {
    owner.runner.start()
    owner.runner.observers.failure(`check '${name}'`, error)
  })

  return async function afterglowProbes(ctx, next) {
    const asked = ctx.method === 'GET' || ctx.method === 'HEAD' ? ctx.path : undefined
    if (asked !== livez && asked !== readyz) {
      await next()
      return
    }
    ctx.set('Cache-Control', 'no-store')
    if (asked === livez) {
      ctx.body = { status: 'alive' }
      return
    }
    const { runner } = owner
    const failed = runner.ready ? await failing() : []
    const status = !runner.ready ? 'shutting down' : failed.length > 0 ? 'unready' : 'ready'
    ctx.status = status === 'ready' ? 200 : 503
    ctx.body = { status, inFlight: runner.inFlight, ...(status === 'unready' && { failed }) }
  }
}

/**
 * The names of checks that fail; all run at once. Why one fails is told when it begins to, and not to whoever asks: the path
 * may be open to anybody, and an error may name hosts and users.
 */
function judge(
  checks: NonNullable<ProbeOptions['checks']>,
  tell: (name: string, thrown: unknown) => void,
): () => Promise<readonly string[]> {
  const failing = new Set<string>()
  const run = async ([name, check]: readonly [string, () => unknown]) => {
    try {
      await inTime(check)
      failing.delete(name)
    } catch (thrown) {
      if (!failing.has(name)) tell(name, thrown)
      failing.add(name)
    }
  }
  return async () => {
    await Promise.all(Object.entries(checks).map(run))
    return [...failing]
  }
}

async function inTime(check: () => unknown): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${CHECK_MS} ms`)), CHECK_MS)
  try {
    await Promise.race([check(), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
