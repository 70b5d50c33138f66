import Koa from 'koa'
import type { Tasks } from 'koa-afterglow'
import type { Logger } from 'pino'
import { onlyJson, parseJson } from './body.ts'
import { errorsAsJson } from './errors.ts'
import type { Mailbox } from './mailbox.ts'
import { lookRoutes, shopRoutes } from './routes.ts'

export interface Parts {
  readonly tasks: Tasks
  readonly mailbox: Mailbox | undefined
  readonly logger: Logger
}

/** The application without its socket, so that tests can listen where they like. */
export function createApp({ tasks, mailbox, logger }: Parts): Koa {
  const app = new Koa()
  // First, so that whatever runs below it may add tasks.
  app.use(tasks.middleware())
  // /livez and /readyz, which say no as soon as the shop is told to end.
  app.use(tasks.probes())
  app.use(errorsAsJson(logger))
  app.use(onlyJson)
  app.use(parseJson)
  for (const router of [shopRoutes(tasks), lookRoutes(tasks, mailbox)])
    app.use(router.routes()).use(router.allowedMethods())
  return app
}
