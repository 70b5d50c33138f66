// The recipe of docs/otel.md: `node --import ./otel-own.ts app.js`, with an instrumentation of one's own.
import { InstrumentationBase, InstrumentationNodeModuleDefinition } from '@opentelemetry/instrumentation'
import { instrument } from 'koa-afterglow/otel'

interface Mail {
  createTransport(...args: unknown[]): unknown
}

class MailInstrumentation extends InstrumentationBase {
  constructor() {
    super('mail', '1.0.0', {})
  }

  protected override init(): InstrumentationNodeModuleDefinition[] {
    const patch = (mail: Mail): Mail => {
      this._wrap(mail, 'createTransport', (create) => (...args: unknown[]) => {
        this.tracer.startSpan('create transport').end()
        return create.apply(mail, args)
      })
      return mail
    }
    return [new InstrumentationNodeModuleDefinition('nodemailer', ['>=6'], patch)]
  }
}

instrument(new MailInstrumentation())
