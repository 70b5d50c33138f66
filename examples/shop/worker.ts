// `npm run worker -- --engine postgres --url ...`: the same tasks without the HTTP. Start as many as you like, where you like.
import { gracefulShutdown } from 'koa-afterglow'
import * as telemetry from 'koa-afterglow/otel'
import { durable, openEngine } from './engine.ts'
import { readEnv } from './env.ts'
import { createLogger } from './logger.ts'
import { setUpMail } from './mail.ts'
import { createServices } from './services.ts'
import { createShopTasks } from './tasks.ts'
import { report, sayWorks, stopWith } from './words.ts'

async function start() {
  const env = readEnv()
  if (!durable) throw new Error('a worker works off a store: --engine postgres, redis or pglite')
  const logger = createLogger(env)
  const mail = await setUpMail(env.SMTP_URL, ({ to, subject }) => logger.info(`mail for ${to.join(', ')}: ${subject}`))
  const services = createServices(mail.mailer)
  const tasks = createShopTasks(logger, services, await openEngine(env))
  await tasks.start()
  sayWorks(env, logger)
  return { tasks, services, mail, logger }
}

const { tasks, services, mail, logger } = await start().catch((thrown: unknown) => stopWith(thrown, 'worker'))

await gracefulShutdown({
  tasks,
  telemetry,
  async onClosed(drained) {
    await services.dispose()
    await mail.close()
    report(drained, logger)
  },
})
