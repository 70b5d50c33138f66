const { once } = require('node:events')
const { Router } = require('@koa/router')
const Koa = require('koa')
const { createTasks, defineTask, gracefulShutdown } = require('koa-afterglow')
const telemetry = require('koa-afterglow/otel')
const { pino } = require('pino')

const logger = pino()
const greet = defineTask({
  name: 'greet',
  run: async (input, task) => {
    task.log.info({ input }, 'greeting')
  },
})
const tasks = createTasks({ logger, register: [greet] })
const router = new Router().get('/hello/:name', (ctx) => {
  logger.info('handling')
  ctx.tasks.add(greet, ctx.params.name)
  ctx.body = 'hello'
})
const app = new Koa().use(tasks.middleware()).use(router.routes())

void main()

async function main() {
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.stdout.write(`listening on ${server.address().port}\n`)
  await gracefulShutdown({ server, tasks, telemetry })
}
