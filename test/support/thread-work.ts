// What test/process/threads.test.ts runs on threads.
import { context, propagation, SpanStatusCode, trace } from '@opentelemetry/api'
import type { ThreadTask } from 'koa-afterglow'
import { move } from 'piscina'
import { isMainThread, threadId } from 'node:worker_threads'

export class PaymentError extends Error {
  override readonly name: string = 'PaymentError'
}
export class CardDeclined extends PaymentError {
  override readonly name = 'CardDeclined'
  readonly code = 'card_declined'
  readonly details = { bank: 'B', retries: [1, 2] }
}
class Unnamed extends Error {}

const turn = () => new Promise((resolve) => setImmediate(resolve))
const burn = (ms: number) => {
  for (const end = performance.now() + ms; performance.now() < end;);
}

export default function double(n: number): number {
  return n * 2
}

export const where = (_input: undefined, { id, name, attempt, maxAttempts }: ThreadTask) => ({
  isMainThread,
  threadId,
  id: id.length,
  name,
  attempt,
  maxAttempts,
})

export async function talk(_input: undefined, { log, progress }: ThreadTask): Promise<void> {
  log.debug({ hidden: true }, 'not written')
  log.info('plain')
  log.child?.({ page: 7 }).warn({ err: new CardDeclined('no'), done: () => 1 }, 'with fields')
  progress(0.5, 'half')
  await turn()
}

export function spin(ms: number): number {
  burn(ms)
  return threadId
}
export function forever(): void {
  for (;;);
}
/** Never lets its event loop run, but looks at its signal. */
export function polite(_input: undefined, { signal }: ThreadTask): void {
  for (;;) signal.throwIfAborted()
}
export function politeEnough(_input: undefined, { signal }: ThreadTask): string {
  while (!signal.aborted);
  return 'stopped in time'
}
/** Waits, and hears of it as an event. */
export const listening = (_input: undefined, { signal }: ThreadTask) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))

export function fail(what: string): never {
  if (what === 'card') throw new CardDeclined('declined', { cause: new RangeError('limit', { cause: 'text' }) })
  if (what === 'unnamed') throw new Unnamed('of a class')
  if (what === 'many') throw new AggregateError([new CardDeclined('one'), 'two'], 'several')
  if (what === 'text') throw 'just text'
  throw new TypeError('wrong')
}
export const throwInTimer = () =>
  new Promise(() =>
    setTimeout(() => {
      throw new CardDeclined('in a timer')
    }, 1),
  )
export const exit = (): never => process.exit(3)
export function eatMemory(): void {
  for (const all: unknown[] = []; ;) all.push(Array.from({ length: 100_000 }, Math.random))
}
export async function strayWhileRunning(): Promise<string> {
  void Promise.reject(new CardDeclined('floating'))
  await turn()
  await turn()
  return 'fine'
}
export function strayLater(): string {
  setTimeout(() => void Promise.reject(new Error('after the end')), 1)
  return 'fine'
}
export function throwLater(): string {
  setTimeout(() => {
    throw new Error('after the end')
  }, 1)
  return 'fine'
}
export const functionBack = () => ({ deep: [1, () => 1] })
export const retryThenTell = (_input: undefined, { attempt, retry }: ThreadTask) =>
  attempt === 1 ? retry({ afterMs: 0 }) : attempt
export const giveUp = (_input: undefined, { discard }: ThreadTask) => discard('not worth it')
export const bytes = (input: Uint8Array, { attempt }: ThreadTask) => {
  if (input[0] === 1 && attempt === 1) throw new Error('once more')
  return move(Uint8Array.from(input, (byte) => byte + 1).buffer)
}

export async function traced(_input: undefined, { log }: ThreadTask) {
  const active = trace.getSpanContext(context.active())
  const tracer = trace.getTracer('of the thread', '1.2.3')
  const [parent, child] = await tracer.startActiveSpan('outer', { attributes: { a: 1 } }, async (outer) => {
    log.info('in outer')
    await turn()
    const inner = tracer.startSpan('inner')
    inner.addEvent('happened', { n: 1 })
    inner.recordException(new CardDeclined('seen'))
    inner.setStatus({ code: SpanStatusCode.ERROR, message: 'bad' })
    inner.end()
    outer.end()
    return [outer.spanContext().spanId, inner.spanContext().spanId]
  })
  const baggage = propagation.getBaggage(context.active())?.getEntry('tenant')?.value
  return { active, outer: parent, inner: child, baggage }
}

export function wants(what: string, task: object): unknown {
  return (task as Record<string, unknown>)[what]
}

/** Whatever it says of itself must not fail it. */
export function talksOddly(what: string, { log, progress, retry, discard }: ThreadTask): string {
  const odd = (): number => 1
  if (what === 'log') {
    const fields = {
      get bad(): never {
        throw new Error('getter')
      },
      symbol: Symbol('x'),
      proxy: new Proxy({}, {}),
      nested: {
        get worse(): never {
          throw new Error('nested getter')
        },
      },
    }
    log.info(fields, 'odd')
    log.child?.({ odd }).info(null as never, 'none')
  }
  if (what === 'progress') progress('0.5' as never, odd as never)
  if (what === 'retry') retry({ afterMs: odd as never })
  if (what === 'discard') discard(odd as never)
  return what
}
