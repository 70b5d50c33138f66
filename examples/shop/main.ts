// `npm start`: the example shop as a service. app.ts is what it serves, tasks.ts what it does after the response.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { gracefulShutdown } from 'koa-afterglow'
import * as telemetry from 'koa-afterglow/otel'
import { createApp } from './app.ts'
import { openEngine } from './engine.ts'
import { readEnv } from './env.ts'
import { createLogger } from './logger.ts'
import { setUpMail } from './mail.ts'
import { openSilence } from './mailbox.ts'
import { createServices } from './services.ts'
import { createShopTasks } from './tasks.ts'
import { report, sayStart, stopWith } from './words.ts'

async function start() {
  const env = readEnv()
  const logger = createLogger(env)
  const silence = env.MAIL_HANGS === '1' ? await openSilence() : undefined
  const mail = await setUpMail(silence?.url ?? env.SMTP_URL, ({ to, subject }) =>
    logger.info(`mail for ${to.join(', ')}: ${subject}`),
  )
  const services = createServices(mail.mailer)
  const tasks = createShopTasks(logger, services, await openEngine(env))
  await tasks.start({ consume: env.CONSUME === '1' })
  const server = createApp({ tasks, logger, mailbox: mail.mailbox }).listen(env.PORT, env.HOST)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  sayStart({ ...env, ...(silence && { SMTP_URL: silence.url }), PORT: port }, logger)
  return { server, tasks, services, mail, silence, logger }
}

const { server, tasks, services, mail, silence, logger } = await start().catch(stopWith)

// Ctrl-C or SIGTERM: first the requests end, then the tasks, then what they used, telemetry last.
await gracefulShutdown({
  server,
  tasks,
  telemetry,
  async onClosed(drained) {
    await services.dispose()
    await mail.close()
    await silence?.close()
    report(drained, logger)
  },
})
