// The patient of test/process/doctor.test.ts. What ails it is said by AILMENTS.
const { once } = require('node:events')
const cluster = require('node:cluster')

const ailments = new Set((process.env.AILMENTS || '').split(' '))
const has = (ailment) => ailments.has(ailment)

if (has('crashes')) throw new TypeError('no database')
if (has('cluster') && cluster.isPrimary) {
  for (let n = 0; n < 2; n++) cluster.fork()
  process.once('SIGTERM', () => cluster.disconnect())
} else {
  void main()
}

async function main() {
  const Koa = require('koa')
  const { createTasks, defineTask, gracefulShutdown } = require('koa-afterglow')
  const telemetry = has('late') || has('off') ? undefined : require('koa-afterglow/otel')
  const app = new Koa()
  if (has('late')) require('koa-afterglow/otel')
  if (has('listens-for-rejections')) process.on('unhandledRejection', () => undefined)
  if (has('below'))
    app.use(async function session(_ctx, next) {
      await next()
    })
  if (!has('without-tasks')) serve()
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.stdout.write(`listening on ${server.address().port}\n`)

  function serve() {
    const greet = defineTask({ name: has('minified') ? 'a' : 'greet', run: async () => undefined })
    const tasks = createTasks({ logger: false, register: [greet] })
    if (!has('not-mounted')) app.use(tasks.middleware())
    app.use((ctx) => {
      ctx.tasks?.add(greet)
      ctx.body = 'hello'
    })
    setImmediate(() => {
      const deadlineMs = Number(process.env.DEADLINE_MS || 25_000)
      if (!has('without-shutdown'))
        void gracefulShutdown({ server, tasks, telemetry, deadlineMs }).then(() => {
          if (cluster.isWorker) process.disconnect()
        })
    })
  }
}
