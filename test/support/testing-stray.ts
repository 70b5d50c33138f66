// A test outside of any test runner: its task lets a rejection escape. Prints what the end of the kit says.
import { createTasks } from 'koa-afterglow'
import { takeOver } from 'koa-afterglow/testing'

const tasks = createTasks({ logger: false })
const kit = takeOver(tasks)
tasks.add('careless', async () => {
  void Promise.reject(new Error('nobody waits for this'))
  await new Promise((resolve) => setImmediate(resolve))
})
await kit.end().catch((error: unknown) => console.log((error as Error).message))
