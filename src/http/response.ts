import type { ServerResponse } from 'node:http'
import type { Context } from 'koa'
import type { ResponseClass } from '../core/task.ts'

/** What HTTP/2's compatibility response has beyond `ServerResponse`. */
interface MaybeHttp2 {
  readonly stream?: { readonly rstCode?: number; readonly destroyed: boolean; readonly closed: boolean }
}
interface MaybeClosed {
  readonly closed: boolean
}

const streamOf = (res: ServerResponse) => (res as ServerResponse & MaybeHttp2).stream

/**
 * Read at the first of `finish` and `close`. `finish` alone lies after a reset and on HTTP/2, where a cancelled stream
 * finishes too, and the stream of a HEAD request is finished before its headers are sent; `sent` means handed to the
 * operating system. `res.socket` is never read: HTTP/2 throws there.
 */
export function responseClass({ req, res }: Pick<Context, 'req' | 'res'>): ResponseClass {
  const reset = (streamOf(res)?.rstCode ?? 0) > 0
  const written = res.headersSent && res.writableFinished
  return written && !req.aborted && !req.errored && !req.socket?.errored && !reset ? 'sent' : 'aborted'
}

/** Whether neither `finish` nor `close` is still to come. */
export function isSettled({ req, res }: Pick<Context, 'req' | 'res'>): boolean {
  const stream = streamOf(res)
  // HTTP/2 finishes a response when its stream closes; what the response says of itself may come earlier.
  if (stream) return stream.destroyed || stream.closed || req.aborted
  return res.writableFinished || res.destroyed || (res as ServerResponse & MaybeClosed).closed || req.aborted
}
