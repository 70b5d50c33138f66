// Checked by `npm run typecheck`; nothing here runs.
import { expect as jestExpect } from '@jest/globals'
import { createTasks, defineTask } from 'koa-afterglow'
import { takeOver } from 'koa-afterglow/testing'
import 'koa-afterglow/testing/jest'
import { z } from 'zod'

const tasks = createTasks()
const invite = defineTask({ name: 'invite', schema: z.object({ email: z.email(), seats: z.number() }), run: () => 1 })
const nothing = defineTask({ name: 'nothing', run: () => {} })
function audit(_what: string, _count: number): void {}

// the input is that of add(), and any part of it may be an asymmetric matcher
jestExpect(tasks).toHaveAdded(invite, { email: 'a', seats: 1 })
jestExpect(tasks).toHaveAdded(invite, { email: jestExpect.stringContaining('@'), seats: jestExpect.any(Number) })
jestExpect(tasks).toHaveAdded(invite, jestExpect.objectContaining({ seats: 1 }))
jestExpect(tasks).toHaveAdded(invite)
jestExpect(tasks).not.toHaveAdded(nothing)
jestExpect(tasks).toHaveAddedOnce(audit, 'registered', 1)
jestExpect(tasks).toHaveAddedOnce(audit)
jestExpect(tasks).toHaveAdded('by-name', { anything: true })
// @ts-expect-error seats is a number
jestExpect(tasks).toHaveAdded(invite, { email: 'a', seats: '1' })
// @ts-expect-error email is missing
jestExpect(tasks).toHaveAdded(invite, { seats: 1 })
// @ts-expect-error its second argument is a number
jestExpect(tasks).toHaveAdded(audit, 'registered', 'one')

jestExpect(invite).toHaveSettled('failed')
// @ts-expect-error there is no such outcome
jestExpect(invite).toHaveSettled('faild')
jestExpect(invite).toBeCausedBy('POST /invite')
jestExpect(invite).toBeCausedBy(new Response())
jestExpect(invite).toBeCausedBy({ method: 'POST', statusCode: 200 })
// @ts-expect-error requests have no colour
jestExpect(invite).toBeCausedBy({ colour: 'red' })

using kit = takeOver(tasks, { mode: 'manual' })
void kit.runNext(invite)
void kit.runNext(audit)
kit.telemetry.spans({ task: invite, outcome: 'retried' })
// @ts-expect-error there is no such mode
takeOver(tasks, { mode: 'live' })
// @ts-expect-error not what createTasks() gave
takeOver({})
