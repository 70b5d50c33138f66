import Koa from 'koa'
import { createTasks, defineTask } from 'koa-afterglow'

export const resize = defineTask({ name: 'resize', run: async (_input: { readonly path: string }) => {} })

/** Does not wait for what it starts. */
export const careless = defineTask({
  name: 'careless',
  run() {
    void Promise.reject(new Error('nobody waits for this'))
  },
})

export const tasks = createTasks({ logger: false })

export const app = new Koa()
app.use(tasks.middleware())
app.use((ctx) => {
  ctx.tasks.add(resize, { path: ctx.path })
  ctx.body = 'uploaded'
})
