import type { Middleware } from 'koa'
import type { Logger } from 'pino'

/** What `ctx.throw()` and the library's errors carry for the client. */
interface HttpError extends Error {
  readonly status?: number
  readonly expose?: boolean
  readonly headers?: Readonly<Record<string, string>>
  readonly fields?: readonly object[]
}

/** Every error of a request as JSON; what is ours and not the client's is logged, and not told. */
export function errorsAsJson(logger: Logger): Middleware {
  return async function answerErrors(ctx, next) {
    try {
      await next()
      if (ctx.status === 404 && ctx.body == null) ctx.throw(404, `nothing at ${ctx.path}; GET / says what there is`)
      if (ctx.status >= 400 && ctx.body == null) ctx.body = { error: ctx.message }
    } catch (thrown) {
      const error = thrown as HttpError
      const { status = 500, headers = {}, fields } = error
      const expose = error.expose ?? status < 500
      if (status >= 500) logger.error({ err: error }, `${ctx.method} ${ctx.path} answered ${status}`)
      ctx.status = status
      ctx.set(headers) // Retry-After, when the runner is full
      ctx.body = { error: expose ? error.message : 'internal error', ...(fields && { fields }) }
    }
  }
}
