// What a durable engine cannot mean the same as one in this process is refused, with what to do instead; never nearly done.
import { isAsDurable, type Engine } from '../engine.ts'
import { InvalidOptionError } from '../errors.ts'
import type { RegisteredTask } from '../registry.ts'
import type { Submission } from '../submission.ts'
import type { AddOptions, ResolvedSettings } from '../task.ts'

/** Of a definition, or of what an add makes of it. @throws InvalidOptionError */
export function refuseSettings({ runOn, maxPending }: ResolvedSettings, engine: Engine, where: string): void {
  if (runOn === 'sent')
    refuse(engine, where, "`runOn: 'sent'`: a task is stored before its response is sent; use 'settled' or 'success'")
  if (maxPending < Infinity)
    refuse(engine, where, "`maxPending`: what waits is in its store, not this process's to count; use `tasks.guard()`")
}

interface Adding {
  readonly engine: Engine
  readonly task: RegisteredTask
  readonly settings: ResolvedSettings
  readonly options: AddOptions | undefined
  /** One that it comes after and that is of a durable engine. */
  readonly afterStored: Submission | undefined
}

/** Of one add, to whatever engine. @throws InvalidOptionError */
export function refuseAdd({ engine, task, settings, options = {}, afterStored }: Adding, where: string): void {
  const { transaction } = engine.capabilities
  refuseIncapable(options, engine, where)
  if (options.transaction !== undefined && !transaction)
    refuse(engine, where, '`transaction`: it stores nothing in one')
  if (!isAsDurable(engine)) return refuseAfterDurable(afterStored, where)
  if (!task.definition) refuse(engine, where, 'functions: one cannot be stored; make it a task with defineTask')
  if (settings !== task.settings) refuseSettings(settings, engine, where)
  refuseOptions(options, settings, (what) => refuse(engine, where, what))
}

function refuseOptions(options: AddOptions, { runOn }: ResolvedSettings, no: (what: string) => void): void {
  const { after, key, override, transaction } = options
  if (after && after.length > 0)
    no('`after`: it is stored before the response, and what it comes after may end much later; let that task add it')
  if (key !== undefined) no('`key`: what waits is in its store, and may start meanwhile')
  if (override?.expected) no('`override.expected`: a class cannot be stored; put it into the definition')
  if (transaction !== undefined && runOn !== 'settled')
    no(`\`transaction\` with \`runOn: '${runOn}'\`: it stores the task when the response is not decided yet`)
}

/** By what the engine says that it can. @throws InvalidOptionError */
function refuseIncapable({ delayMs = 0, priority = 'normal' }: AddOptions, engine: Engine, where: string): void {
  const { capabilities } = engine
  if (delayMs > 0 && !capabilities.delay) refuse(engine, where, '`delayMs`')
  if (priority !== 'normal' && !capabilities.priority) refuse(engine, where, '`priority`')
}

/** How a stored task ends is learnt where it runs. */
function refuseAfterDurable(stored: Submission | undefined, where: string): void {
  if (stored)
    throw new InvalidOptionError(
      `${where}: \`after\` has '${stored.name}', a task of a durable engine, whose end this process does not learn; let that task add this one`,
    )
}

function refuse({ name }: Engine, where: string, what: string): never {
  throw new InvalidOptionError(`${where}: engine '${name}' has no ${what}`)
}
