import Koa from 'koa'
import { createTasks, defineTask } from 'koa-afterglow'

export const resize = defineTask({ name: 'resize', run: async (_input: { readonly path: string }) => {} })

export const tasks = createTasks({ logger: false })

export const app = new Koa()
app.use(tasks.middleware())
app.use((ctx) => {
  ctx.tasks.add(resize, { path: ctx.path })
  ctx.body = 'uploaded'
})
