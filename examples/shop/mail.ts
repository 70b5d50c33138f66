import { createTransport } from 'nodemailer'
import { openMailbox, type KeptMail, type Mailbox } from './mailbox.ts'

export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
}

export interface Mailer {
  send(mail: Mail, options: { readonly signal: AbortSignal }): Promise<void>
}

export interface MailSetup {
  readonly mailer: Mailer
  /** Only when there is no SMTP server of one's own. */
  readonly mailbox: Mailbox | undefined
  close(): Promise<void>
}

/** Sends to the server at `smtpUrl`; without one, to a server in this process. */
export async function setUpMail(
  smtpUrl: string | undefined,
  onMail: (mail: KeptMail) => void = () => undefined,
): Promise<MailSetup> {
  const mailbox = smtpUrl === undefined ? await openMailbox(onMail) : undefined
  const transport = createTransport(smtpUrl ?? mailbox?.url, { from: 'Afterglow Shop <shop@example.com>' })
  return {
    mailer: { send: async (mail, { signal }) => void (await transport.sendMail({ ...mail, signal })) },
    mailbox,
    close: async () => {
      transport.close()
      await mailbox?.close()
    },
  }
}

/** SMTP's word for "do not try again": 5xx, such as a mailbox that does not exist. */
export const isRefusedForGood = (error: Error & { readonly responseCode?: number }): boolean =>
  (error.responseCode ?? 0) >= 500
