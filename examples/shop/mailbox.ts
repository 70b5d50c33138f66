import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { callbackify } from 'node:util'
import PostalMime from 'postal-mime'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server'

export interface KeptMail {
  readonly to: readonly string[]
  readonly from: string
  readonly subject: string
  readonly text: string
  readonly receivedAt: string
}

export interface Mailbox {
  readonly url: string
  /** Newest first. */
  mails(): readonly KeptMail[]
  close(): Promise<void>
}

const KEPT = 100

/** A real SMTP server in this process: it takes every mail, shows it, and sends it nowhere. */
export async function openMailbox(onMail: (mail: KeptMail) => void): Promise<Mailbox> {
  const kept: KeptMail[] = []
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    // `bounce.example` is the domain that refuses for good: try it, and see the task end as discarded.
    onRcptTo({ address }, _session, done) {
      done(address.endsWith('@bounce.example') ? refusal(`no such mailbox: ${address}`) : null)
    },
    onData: callbackify(async (stream: SMTPServerDataStream, { envelope }: SMTPServerSession) => {
      const { from, subject = '', text = '' } = await PostalMime.parse(await buffer(stream))
      const to = envelope.rcptTo.map(({ address }) => address)
      const mail = { to, from: from?.address ?? '', subject, text, receivedAt: new Date().toISOString() }
      kept.unshift(mail)
      kept.length = Math.min(kept.length, KEPT)
      onMail(mail)
    }),
  })
  const listener = server.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return {
    url: `smtp://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    mails: () => kept,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

/** Takes every connection and never answers: what a mail server in trouble is like, and worse than one that is down. */
export async function openSilence(): Promise<Pick<Mailbox, 'url' | 'close'>> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const refusal = (message: string): Error => Object.assign(new Error(message), { responseCode: 550 })
