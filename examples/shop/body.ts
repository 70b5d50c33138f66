import { bodyParser } from '@koa/bodyparser'
import type { Context, Middleware } from 'koa'
import type { z } from 'zod'

const LIMIT_KB = 16

/** Whoever sends something else than JSON is told so, not served an empty body. */
export const onlyJson: Middleware = (ctx, next) => {
  const isEmpty = ctx.request.length === 0
  if (!isEmpty && ctx.is('json') === false) ctx.throw(415, 'send JSON, with the header content-type: application/json')
  return next()
}

export const parseJson: Middleware = bodyParser({
  enableTypes: ['json'],
  jsonLimit: `${LIMIT_KB}kb`,
  onError(error, ctx) {
    const { status = 400 } = error as Error & { readonly status?: number }
    ctx.throw(
      status,
      status === 413 ? `the body is larger than ${LIMIT_KB} kB` : `the body cannot be read as JSON: ${error.message}`,
    )
  },
})

/** The body, if it fits the schema; otherwise a 400 that names each field that does not. */
export function bodyOf<S extends z.ZodType>(ctx: Context, schema: S): z.infer<S> {
  const { success, data, error } = schema.safeParse(ctx.request.body)
  if (success) return data
  const fields = error.issues.map(({ path, message }) => ({ field: path.join('.') || 'body', message }))
  return ctx.throw(400, fields.map(({ field, message }) => `${field}: ${message}`).join('; '), { fields })
}
