import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { asValue } from 'awilix'
import { takeOver, type TakeOverOptions, type TestKit } from 'koa-afterglow/testing'
import 'koa-afterglow/testing/jest'
import { pino } from 'pino'
import { createApp } from '../../examples/shop/app.ts'
import { setUpMail, type Mail } from '../../examples/shop/mail.ts'
import { openMailbox, type KeptMail, type Mailbox } from '../../examples/shop/mailbox.ts'
import { createServices, WarehouseBusyError, type Container } from '../../examples/shop/services.ts'
import * as work from '../../examples/shop/tasks.ts'

const ADA = { username: 'ada', email: 'ada@example.com' }

interface Shop {
  readonly close: () => Promise<void>
  readonly services: Container
  readonly kit: TestKit
  readonly get: (path: string) => Promise<Answer>
  readonly post: (path: string, body?: unknown) => Promise<Answer>
  readonly send: (path: string, init: RequestInit) => Promise<Answer>
}
interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}
interface ShopOptions {
  readonly smtpUrl?: string
  readonly mails?: Mailbox['mails']
  /** @default 'inline' */
  readonly mode?: TakeOverOptions['mode']
}

/** The shop as main.ts composes it, its tasks in our hands, on a port of its own, with its embedded SMTP server unless told otherwise. */
async function openShop({ smtpUrl, mails: show, mode = 'inline' }: ShopOptions = {}): Promise<Shop> {
  const mail = await setUpMail(smtpUrl)
  const services = createServices(mail.mailer)
  const tasks = work.createShopTasks(false, services)
  const kit = takeOver(tasks, { mode })
  const mailbox = mail.mailbox && { ...mail.mailbox, ...(show && { mails: show }) }
  const app = createApp({ tasks, mailbox, logger: pino({ level: 'silent' }) })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const send = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, init)
    return { status: response.status, headers: response.headers, body: await response.json() }
  }
  const json = (body: unknown) => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  return {
    services,
    kit,
    get: (path) => send(path),
    post: (path, body) => send(path, { method: 'POST', ...(body !== undefined && json(body)) }),
    send,
    async close() {
      try {
        await kit.end()
      } finally {
        server.closeAllConnections()
        server.close()
        await services.dispose()
        await mail.close()
      }
    },
  }
}

let shop: Shop
afterEach(() => shop.close())

const mails = async (): Promise<KeptMail[]> => (await shop.get('/mails')).body as KeptMail[]

describe('POST /register', () => {
  test('answers before the welcome mail is sent, and the mail arrives', async () => {
    shop = await openShop()
    const { mailer } = shop.services.cradle
    const letGo = Promise.withResolvers<void>()
    const send = (mail: Mail, options: { signal: AbortSignal }) => letGo.promise.then(() => mailer.send(mail, options))
    shop.services.register({ mailer: asValue({ send }) })

    expect(await shop.post('/register', ADA)).toMatchObject({
      status: 200,
      body: { message: 'Registration successful' },
    })
    expect(await mails()).toEqual([])
    letGo.resolve()
    await shop.kit.idle()
    expect(await mails()).toMatchObject([
      {
        to: ['ada@example.com'],
        from: 'shop@example.com',
        subject: 'Welcome, ada',
        text: expect.stringMatching(/ada/),
      },
    ])
  })

  test('writes to people whose name is not ASCII', async () => {
    shop = await openShop()
    await shop.post('/register', { ...ADA, username: 'Zoë 李' })
    await shop.kit.idle()
    expect(await mails()).toMatchObject([{ subject: 'Welcome, Zoë 李', text: expect.stringContaining('Zoë 李') }])
  })

  test('sends to the server of SMTP_URL, and then keeps no mail itself', async () => {
    const elsewhere: KeptMail[] = []
    const server = await openMailbox((mail) => void elsewhere.push(mail))
    shop = await openShop({ smtpUrl: server.url })
    await shop.post('/register', ADA)
    await shop.kit.idle()
    expect(elsewhere).toMatchObject([{ to: ['ada@example.com'] }])
    expect(await shop.get('/mails')).toMatchObject({ status: 404, body: { error: expect.stringMatching(/SMTP_URL/) } })
    await server.close()
  })

  test('an address that the mail server refuses is not tried again and is no failure', async () => {
    shop = await openShop()
    await shop.post('/register', { ...ADA, email: 'ada@bounce.example' })
    await shop.kit.idle()
    expect(shop.kit.task(work.sendWelcomeEmail)).toHaveSettled('discarded')
    expect(shop.kit.task(work.sendWelcomeEmail).attempts).toHaveLength(1)
    expect(await mails()).toEqual([])
  })
})

describe('POST /order', () => {
  test('has the order confirmed by the notification service that was injected', async () => {
    shop = await openShop()
    const confirmed: unknown[] = []
    const sendOrderConfirmation = async (...args: unknown[]) => void confirmed.push(args)
    shop.services.register({ notifications: asValue({ sendOrderConfirmation } as never) })
    expect(await shop.post('/order')).toMatchObject({ status: 200, body: { message: 'Order 123 placed' } })
    await shop.kit.idle()
    expect(confirmed).toEqual([[123, { to: 'ada@example.com', signal: expect.anything() }]])
  })

  test('the service that is there by default sends a mail', async () => {
    shop = await openShop()
    await shop.post('/order', { orderId: 7, email: 'grace@example.com' })
    await shop.kit.idle()
    expect(await mails()).toMatchObject([{ to: ['grace@example.com'], subject: 'Your order 7' }])
  })
})

describe('GET /complex-task', () => {
  test('adds one that waits and one that computes on a thread, and answers at once', async () => {
    shop = await openShop({ mode: 'off' })
    expect(await shop.get('/complex-task')).toMatchObject({ body: { message: 'Complex task started' } })
    expect(shop.kit).toHaveAddedOnce(work.syncInventory)
    expect(shop.kit).toHaveAddedOnce(work.renderCatalogue, { ms: 2_000 })
    expect(shop.kit.tasks(work.renderCatalogue)).toBeCausedBy('GET /complex-task')
  })
})

describe('a mail server that hangs', () => {
  test('costs a mail its attempts, one timeout after the other, and nobody else anything', async () => {
    shop = await openShop({ mode: 'manual' })
    const hangs = (_mail: Mail, { signal }: { signal: AbortSignal }) =>
      new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    shop.services.register({ mailer: asValue({ send: hangs }) })
    await shop.post('/register', ADA)
    await shop.kit.idle()
    for (let attempt = 1; attempt <= 3; attempt++) {
      const running = shop.kit.runNext(work.sendWelcomeEmail)
      await shop.kit.clock.advance(3_000)
      await running
      await shop.kit.clock.advance(1_000)
    }
    expect(shop.kit.task(work.sendWelcomeEmail)).toHaveSettled('timed_out')
  })
})

describe('tasks that fail', () => {
  test('a task that fails changes no response and does not go unseen', async () => {
    shop = await openShop()
    expect(await shop.get('/failing-task')).toMatchObject({ status: 200 })
    await shop.kit.idle()
    expect(shop.kit.task(work.updateSearchIndex)).toHaveSettled('failed')
    expect(shop.kit.telemetry.log({ level: 'error' }).fields).toMatchObject({ 'error.type': 'SearchIndexError' })
    expect(await shop.get('/stats')).toMatchObject({ body: { outcomes: { failed: 1, completed: 0 } } })
  })

  test('a task that fails now and then is tried again until it works', async () => {
    shop = await openShop()
    let calls = 0
    const reserve = async () => {
      if (++calls < 3) throw new WarehouseBusyError('busy')
    }
    shop.services.register({ warehouse: asValue({ reserve }) })
    await shop.get('/flaky-task')
    await shop.kit.drain()
    const { attempts } = shop.kit.task(work.reserveStock)
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['retried', 'retried', 'completed'])
  })
})

describe('bad requests', () => {
  const json = { 'content-type': 'application/json' }
  const tooLarge = JSON.stringify({ ...ADA, username: 'x'.repeat(20_000) })

  test.each([
    ['a field that is missing', { email: ADA.email }, 'username'],
    ['a field that is empty', { ...ADA, username: ' ' }, 'username'],
    ['a field of another type', { ...ADA, username: 1 }, 'username'],
    ['no e-mail address', { ...ADA, email: 'nobody' }, 'email'],
    ['an array', [], 'body'],
  ])('a body with %s gets a 400 that names the field', async (_what, body, field) => {
    shop = await openShop()
    expect(await shop.post('/register', body)).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining(`${field}: `), fields: [{ field, message: expect.any(String) }] },
    })
    expect(shop.kit.added).toEqual([])
  })

  test.each([
    ['malformed JSON', { headers: json, body: '{oops' }, 400, 'JSON'],
    ['a string where an object belongs', { headers: json, body: '"ada"' }, 400, 'JSON'],
    ['a form', { body: new URLSearchParams(ADA) }, 415, 'content-type: application/json'],
    ['no content type', { body: new TextEncoder().encode(JSON.stringify(ADA)) }, 415, 'content-type: application/json'],
    ['more than fits', { headers: json, body: tooLarge }, 413, '16 kB'],
  ])('a body of %s gets a 4xx that says so as JSON', async (_what, init, status, words) => {
    shop = await openShop()
    const answer = await shop.send('/register', { method: 'POST', ...init })
    expect(answer).toMatchObject({ status, body: { error: expect.stringContaining(words) } })
    expect(shop.kit.added).toEqual([])
  })

  test('no body at all is an empty one', async () => {
    shop = await openShop()
    expect(await shop.post('/register')).toMatchObject({
      status: 400,
      body: { fields: [{ field: 'username' }, { field: 'email' }] },
    })
  })

  test('an unknown route gets a 404, and a known one with another method a 405, as JSON', async () => {
    shop = await openShop()
    expect(await shop.get('/nowhere')).toMatchObject({
      status: 404,
      body: { error: expect.stringMatching('/nowhere') },
    })
    const other = await shop.get('/register')
    expect(other).toMatchObject({ status: 405, body: { error: 'Method Not Allowed' } })
    expect(other.headers.get('allow')).toContain('POST')
  })

  test('an error of our own is a 500 that tells the client nothing', async () => {
    const broken = () => {
      throw new Error('the password is 1234')
    }
    shop = await openShop({ mails: broken })
    expect(await shop.get('/mails')).toMatchObject({ status: 500, body: { error: 'internal error' } })
  })
})
