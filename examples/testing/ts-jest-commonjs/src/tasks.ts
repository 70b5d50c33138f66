import { createTasks, defineTask } from 'koa-afterglow'
import { pino } from 'pino'

/** Stands for the mail server. */
export const mailer = {
  async send(_to: string, _text: string): Promise<void> {},
}
/** Stands for the search index, which is down. */
export const search = {
  async index(product: string): Promise<void> {
    throw new Error(`connect ECONNREFUSED: could not index '${product}'`)
  },
}

export const sendWelcomeEmail = defineTask({
  name: 'send-welcome-email',
  retry: { attempts: 3, baseDelayMs: 60_000 },
  async run({ email }: { email: string }, { log }) {
    log.info('sending')
    await mailer.send(email, 'Welcome!')
  },
})

export const indexProduct = defineTask({
  name: 'index-product',
  run: ({ product }: { product: string }) => search.index(product),
})

/** Work that is not asynchronous is a task like any other. */
export const countWords = defineTask({
  name: 'count-words',
  run: (text: string) => text.split(' ').length,
})

export function writeAuditRow(_what: string, _who: string): void {}

/** One for the whole application, made before anything else runs: as in most applications. */
export const tasks = createTasks({ logger: pino({ level: 'silent' }) })
