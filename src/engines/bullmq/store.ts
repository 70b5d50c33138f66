// One Redis as this engine sees it: its connections, its queues, and what is asked of all of them.
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { IRedisTransaction } from 'bullmq'
import type { ChainableCommander, Redis } from 'ioredis'
import type { EngineEvent, Envelope, Receipt } from '../../core/engine.ts'
import { EngineError, toError } from '../../core/errors.ts'
import { makeBackends, type Backends, type Existing } from './backend.ts'
import { connect, makeClient, reasonOf, whereIs } from './connections.ts'
import { checkVersion, lossesOf, notDurable, readDurability } from './durability.ts'
import { jobOf } from './jobs.ts'
import { Lanes } from './lanes.ts'
import type { Settings } from './options.ts'
import { BLOCK_MS } from './waker.ts'

export interface StoreHost {
  report(event: EngineEvent): void
  /** A warning that is not about a task. */
  warn(error: Error): void
  /** Redis is there again. */
  back(): void
}

export interface Store {
  readonly commands: Redis
  /** Only in a process that works. */
  readonly blocking: Redis | undefined
  readonly lanes: Lanes
  /** Names this process where others see it. */
  readonly worker: string
  readonly hold: Backends['hold']
  /** Why nothing is to be acknowledged: since an outage it is not known that this Redis keeps things, or known that it does not. */
  unsafe(): Promise<Error | undefined> | undefined
  transaction(): IRedisTransaction & ChainableCommander & Existing
  close(): void
}

type Clients = Pick<Store, 'commands' | 'blocking'>

/** @throws EngineError when it cannot be reached or is too old, NotDurableError when it may lose what it acknowledged */
export async function openStore(settings: Settings, consume: boolean, host: StoreHost): Promise<Store> {
  let opened = false
  const report = (error: Error): void => {
    if (opened) host.report({ type: 'engine_error', error })
  }
  const down = (cause: Error): void => {
    safe = false
    report(new EngineError(`Redis at ${whereIs(commands)} is away: ${reasonOf(cause)}`, { cause }))
  }
  const ready = (): void => {
    if (!opened) return
    host.back()
    void look()
  }
  let safe = true
  let told = ''
  /** What comes back may be another one, or one that was configured anew. */
  const look = async (): Promise<Error | undefined> => {
    const found = await unsafetyOf(commands, settings).catch((thrown: unknown) => toError(thrown))
    safe = !found
    if (!found) told = ''
    const away = found && outage(commands, found)
    // Of an outage the connection tells; of anything else each add does, and this once.
    if (found && !away && told !== found.message) report(found)
    if (found && !away) told = found.message
    return away ?? found
  }
  const commands = makeClient(settings, { down, ready })
  // Whatever happens to it happens to the other one too, which says so.
  const silent = { down: () => {}, ready: () => {} }
  const blocking = consume ? makeClient(settings, silent, BLOCK_MS) : undefined
  try {
    await connect(commands)
    if (blocking) await connect(blocking)
    const { major, losses } = await inspect(commands)
    if (losses.length > 0 && !settings.acceptLoss) throw notDurable(commands, losses)
    if (losses.length > 0) host.warn(notDurable(commands, losses))
    const store = await makeStore({ commands, blocking }, settings, major)
    await store.lanes.refresh(commands)
    opened = true
    return { ...store, unsafe: () => (safe ? undefined : look()) }
  } catch (thrown) {
    commands.disconnect()
    blocking?.disconnect()
    throw thrown
  }
}

async function inspect(client: Redis): Promise<{ readonly major: number; readonly losses: readonly string[] }> {
  const found = await readDurability(client)
  checkVersion(client, found)
  return { major: Number.parseInt(found.version, 10), losses: lossesOf(found) }
}

async function unsafetyOf(client: Redis, { acceptLoss }: Settings): Promise<Error | undefined> {
  const { losses } = await inspect(client)
  return losses.length > 0 && !acceptLoss ? notDurable(client, losses) : undefined
}

async function makeStore(clients: Clients, settings: Settings, major: number): Promise<Omit<Store, 'unsafe'>> {
  const { commands, blocking } = clients
  const id = randomUUID()
  let tokens = 0
  const worker = `${hostname()}:${process.pid}:${id.slice(0, 8)}`
  const { backendOf, adapter, hold } = await makeBackends(commands, settings, { major, worker })
  const options = { worker, keepEndedMs: settings.keepEndedMs, newToken: () => `${id}:${tokens++}` }
  return {
    commands,
    blocking,
    worker,
    hold,
    lanes: new Lanes(settings, backendOf, options),
    // What ioredis makes, which BullMQ adds its scripts to.
    transaction: () => adapter.multi() as unknown as ReturnType<Store['transaction']>,
    close() {
      commands.disconnect()
      blocking?.disconnect()
    },
  }
}

/** One transaction, whatever the number of queues: all or, when the memory of Redis is full, none. */
export async function add(store: Store, batch: readonly Envelope[]): Promise<readonly Receipt[]> {
  const { commands, lanes } = store
  if (batch.length === 0) return []
  const unsafe = await store.unsafe()
  if (unsafe) throw unsafe
  const multi = store.transaction()
  const homes = batch.map(({ record, priority }) => lanes.of(record.label, priority ?? 'normal'))
  const keys = batch.map(({ record }, index) => homes[index]?.backend.toKey(record.id) ?? '')
  multi.afterglowExisting(keys.length, ...keys)
  for (const [index, envelope] of batch.entries())
    // Queues a command, as the line above does; what it gives is of the transaction.
    void homes[index]?.backend.addJobToTransaction(
      multi,
      jobOf(envelope),
      envelope.record.id,
      {},
      homes[index]?.backend.keys,
    )
  multi.sadd(lanes.key, ...new Set(homes.map(({ name }) => name)))
  const results = await multi.exec().catch((thrown: unknown) => refusedWhole(thrown) ?? unknownEnd(commands, thrown))
  if (results instanceof Error) return batch.map(({ record: { id } }) => ({ id, result: 'rejected', error: results }))
  checkScripts(commands, results)
  const news: unknown = results?.at(-1)?.[1]
  if (typeof news === 'number' && news > 0) lanes.announce(commands)
  for (const lane of homes) lane.ripe = true
  return receiptsOf(keys, batch, results ?? [])
}

type Results = readonly (readonly [Error | null, unknown])[]

/** `existed`: the places in the batch, from 1, of what was there before. */
function receiptsOf(keys: readonly string[], batch: readonly Envelope[], results: Results): readonly Receipt[] {
  const [[failed, existed] = [null, []], ...added] = results
  const there = new Set(existed as readonly number[])
  return batch.flatMap(({ record: { id } }, index): Receipt[] => {
    const error = failed ?? added[index]?.[0]
    if (error) return [{ id, result: 'rejected', error: refusal(error) }]
    const again = there.has(index + 1) || keys.indexOf(keys[index] ?? '') < index
    return again ? [{ id, result: 'duplicate' }] : []
  })
}

/** Somebody made Redis forget its scripts, and ioredis does not see that in a transaction. On a new connection it sends them. */
function checkScripts(commands: Redis, results: Results | null): void {
  const cause = results?.find(([error]) => error?.message.startsWith('NOSCRIPT'))?.[0]
  if (!cause) return
  commands.disconnect(true)
  throw new EngineError(`Redis at ${whereIs(commands)} has forgotten its scripts, and gets them anew`, { cause })
}

/** Redis said no to a command of the transaction before it ran any. */
function refusedWhole(thrown: unknown): Error | undefined {
  const [first] = (thrown as { readonly previousErrors?: readonly Error[] }).previousErrors ?? []
  return first?.name === 'ReplyError' ? refusal(first) : undefined
}

function unknownEnd(commands: Redis, thrown: unknown): never {
  const error = toError(thrown)
  throw outage(commands, error) ?? error
}

const refusal = (cause: Error): EngineError =>
  cause.message.startsWith('OOM')
    ? new EngineError('Redis is at its `maxmemory` and takes no more tasks until some ended or it is given more', {
        cause,
      })
    : new EngineError(`Redis did not store the task: ${cause.message}`, { cause })

/** What is thrown when there is no connection, said so that a person knows where to look; undefined if it is anything else. */
export function outage(client: Redis, cause: Error): EngineError | undefined {
  const where = `Redis at ${whereIs(client)}`
  if (cause.message.includes('enableOfflineQueue')) return new EngineError(`${where} is not reachable`, { cause })
  return LOST_CONNECTION.test(`${cause.name}: ${cause.message}`)
    ? new EngineError(`${where} was lost before it answered`, { cause })
    : undefined
}

const LOST_CONNECTION = /^(MaxRetriesPerRequestError|AbortError):|Connection is closed/

/** Of an outage the connection tells, once. */
export function reportTo(host: Pick<StoreHost, 'report'>, { commands }: Store, thrown: unknown): void {
  const error = toError(thrown)
  if (!outage(commands, error)) host.report({ type: 'engine_error', error })
}
