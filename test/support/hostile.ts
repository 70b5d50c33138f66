/* oxlint-disable unicorn/no-thenable, unicorn/no-new-array -- hostile on purpose */
/** Values that break whoever reads them without care, by name. */

const no = (): never => {
  throw new Error('hands off')
}

export const TEN_MB = 10 * 1024 * 1024

/** A proxy each of whose traps throws. */
export function throwingProxy(target: object = {}): object {
  const traps = ['get', 'has', 'ownKeys', 'getOwnPropertyDescriptor', 'getPrototypeOf', 'set', 'apply'] as const
  return new Proxy(target, Object.fromEntries(traps.map((trap) => [trap, no])))
}

export function revokedProxy(target: object = {}): object {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

/** An error that has these properties as getters which throw. */
export function throwingError(...keys: readonly string[]): Error {
  const error = new Error('x')
  for (const key of keys) Object.defineProperty(error, key, { get: no })
  return error
}

/** Every read gives another text. */
export function unsteadyError(): Error {
  let reads = 0
  return Object.defineProperty(new Error('x'), 'name', { get: () => `Name${reads++}` })
}

function causeCycle(): Error {
  const [one, other] = [new Error('one'), new Error('other')]
  one.cause = other
  other.cause = one
  return one
}

/** Each cause is made when it is read, and has one of its own. */
function endlessCauses(): Error {
  return Object.defineProperty(new Error('deeper'), 'cause', { get: endlessCauses })
}

/** Ten members, each with ten, for ever. */
function endlessMembers(): Error {
  return Object.defineProperty(new AggregateError([], 'wider'), 'errors', {
    get: () => Array.from({ length: 10 }, endlessMembers),
  })
}

function selfContaining(): Error {
  const error = new AggregateError([], 'me')
  error.errors.push(error)
  return error
}

const withErrors = (errors: unknown): Error =>
  Object.defineProperty(new AggregateError([], 'x'), 'errors', { value: errors })

/** What a handler may throw or reject with. Made anew for each use. */
export const THROWN: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  'a symbol': () => Symbol('boom'),
  'a BigInt': () => 10n ** 1_000n,
  NaN: () => NaN,
  'a text of 10 MB': () => 'x'.repeat(TEN_MB),
  'a function': () => () => 1,
  'a circular object': () => {
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    return circular
  },
  'an object without a prototype': () => Object.create(null) as unknown,
  'a frozen error': () => Object.freeze(new Error('frozen')),
  'a promise': () => Promise.resolve(1),
  'a thenable whose then throws': () => ({ then: no }),
  'a revoked proxy': () => revokedProxy(),
  'a revoked proxy of an error': () => revokedProxy(new Error('x')),
  'a proxy whose traps throw': () => throwingProxy(new Error('x')),
  'an error whose message throws': () => throwingError('message'),
  'an error whose stack throws': () => throwingError('stack'),
  'an error whose name throws': () => throwingError('name'),
  'an error whose constructor throws': () => throwingError('constructor'),
  'an error whose everything throws': () =>
    throwingError('message', 'stack', 'name', 'constructor', 'cause', 'errors', 'code', 'toString', 'toJSON'),
  'an error whose message is an object': () => Object.assign(new Error('x'), { message: { a: 1 }, stack: 5, name: [] }),
  'an error of control characters': () => new Error('\u001b[2J\u0007\r\nforged line\u2028\u009b'),
  'an error with a message of 10 MB': () => new Error('x'.repeat(TEN_MB)),
  'an error with a name of 10 MB': () => Object.assign(new Error('x'), { name: 'N'.repeat(TEN_MB) }),
  'an error with a stack of a million lines': () =>
    Object.assign(new Error('x'), { stack: `Error: x\n${'    at y\n'.repeat(1_000_000)}` }),
  'an error with 10 MB beside it': () => Object.assign(new Error('x'), { response: Buffer.alloc(TEN_MB) }),
  'a cause cycle': causeCycle,
  'causes without end': endlessCauses,
  'an AggregateError of 10,000': () =>
    new AggregateError(
      Array.from({ length: 10_000 }, (_, n) => new Error(`member ${n} ${'x'.repeat(1_000)}`)),
      'all',
    ),
  'members without end': endlessMembers,
  'an AggregateError of itself': selfContaining,
  'an AggregateError of odd members': () =>
    withErrors([undefined, null, Symbol('s'), 1n, revokedProxy(), throwingProxy(), throwingError('stack'), () => 1]),
  'an AggregateError whose errors are a revoked proxy': () => withErrors(revokedProxy([])),
  'an AggregateError whose errors throw': () => withErrors(throwingProxy([])),
  'an AggregateError that says it is longer than it is': () => withErrors(new Array(4_294_967_295)),
}

class ThrowingThen extends Promise<unknown> {
  override then(): never {
    return no()
  }
}
class ThrowingSpecies extends Promise<unknown> {
  static override get [Symbol.species](): never {
    return no()
  }
}
const ownThen = (then: unknown) => Object.defineProperty(Promise.resolve(1), 'then', { value: then })

type Resolve = (value?: unknown) => void

/** What a handler may give back that is nearly a promise, and how its task must end then. */
export const RETURNED: Readonly<Record<string, { readonly make: () => unknown; readonly ends: object }>> = {
  'a then that throws': { make: () => ({ then: no }), ends: { outcome: 'failed' } },
  'a then whose getter throws': {
    make: () => Object.defineProperty({}, 'then', { get: no }),
    ends: { outcome: 'failed' },
  },
  'a then that calls back twice': {
    make: () => ({ then: (resolve: Resolve) => (resolve(1), resolve(2)) }),
    ends: { outcome: 'completed', value: 1 },
  },
  'a then that throws once it has resolved': {
    make: () => ({ then: (resolve: Resolve) => (resolve(1), no()) }),
    ends: { outcome: 'completed', value: 1 },
  },
  'a then that resolves with another that rejects': {
    make: () => ({ then: (resolve: Resolve) => resolve(Promise.reject(new Error('inner'))) }),
    ends: { outcome: 'failed', error: { message: 'inner' } },
  },
  'a then that never calls back': { make: () => ({ then: () => undefined }), ends: { outcome: 'timed_out' } },
  'a function with a then': {
    make: () => Object.assign(() => 1, { then: (resolve: Resolve) => resolve(7) }),
    ends: { outcome: 'completed', value: 7 },
  },
  'a promise whose own then throws': { make: () => ownThen(no), ends: { outcome: 'failed' } },
  'a promise whose own then gives nothing': { make: () => ownThen(() => undefined), ends: { outcome: 'timed_out' } },
  'a subclass of Promise whose then throws': {
    make: () => new ThrowingThen(() => undefined),
    ends: { outcome: 'failed' },
  },
  'a subclass of Promise whose species throws': {
    make: () => new ThrowingSpecies(() => undefined),
    ends: { outcome: 'failed' },
  },
  'a promise whose constructor throws': {
    make: () => Object.defineProperty(Promise.resolve(1), 'constructor', { get: no }),
    ends: { outcome: 'failed' },
  },
  'a revoked proxy': { make: () => revokedProxy(), ends: { outcome: 'failed' } },
  'a proxy whose traps throw': { make: () => throwingProxy(), ends: { outcome: 'failed' } },
}
