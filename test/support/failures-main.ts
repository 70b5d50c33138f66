// Lets one task fail in each of the ways that the README's section on failures tells apart.
import { app, tasks } from '../examples/failures.ts'
import { CardDeclined, NoSuchAddress, RateLimited } from '../examples/your-app.ts'

const override = { retry: { attempts: 3, baseDelayMs: 1 } }
const fails = (name: string, error: Error) => tasks.add(name, () => Promise.reject(error), { override })
const handles = [
  fails('limited', new RateLimited('slow down')),
  fails('bounced', new NoSuchAddress('nobody')),
  fails('declined', new CardDeclined('no funds')),
  fails('broken', new TypeError('boom')),
]
for (const { name, settled } of handles) {
  const { outcome, attempts } = await settled
  process.stdout.write(`ended: ${name} ${outcome} after ${attempts}\n`)
}
await tasks.close()
process.stdout.write(`listeners: ${app.listenerCount('error')}\n`)
