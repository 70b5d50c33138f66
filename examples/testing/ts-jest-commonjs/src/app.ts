import Router from '@koa/router'
import Koa from 'koa'
import { countWords, indexProduct, mailer, sendWelcomeEmail, tasks, writeAuditRow } from './tasks'

const router = new Router()

router.post('/register/:email', (ctx) => {
  ctx.tasks.add(sendWelcomeEmail, { email: ctx.params.email })
  ctx.tasks.add(writeAuditRow, 'registered', ctx.params.email)
  ctx.body = { message: 'Registration successful' }
})

router.post('/product/:name', (ctx) => {
  ctx.tasks.add(indexProduct, { product: ctx.params.name })
  ctx.tasks.add(countWords, 'a lamp for the desk')
  ctx.body = { message: 'Product saved' }
})

router.post('/mistake', (ctx) => {
  // @ts-expect-error the work has started already, before the response: the compiler refuses it, and so does add()
  ctx.tasks.add(mailer.send('ada@example.com', 'too early'))
})

router.get('/stream', (ctx) => {
  ctx.tasks.add(countWords, 'never answered')
  ctx.respond = false // and nobody ever ends it
})

export const app = new Koa()
app.silent = true
app.use(tasks.middleware())
app.use(router.routes())

/** The same routes, with the middleware forgotten. */
export const forgetful = new Koa()
forgetful.silent = true
forgetful.use(tasks.guard())
forgetful.use(router.routes())
