import { writeSync } from 'node:fs'
import { Socket } from 'node:net'

/** What an application may need after the shutdown is done, however late that was: a line, a last close. */
const MOMENT_MS = 500

/**
 * Ends the process `ms` from now if something still keeps it alive then, and says on stderr what. Nobody else is left to say
 * it: the logger may be closed, and telemetry is.
 */
export function endProcessIn(ms: number, deadlineMs: number): void {
  // The line to a parent, such as the primary of a cluster, is not to wait for.
  process.channel?.unref()
  const end = (): void => {
    try {
      const kept = whatKeepsIt()
      const text = `still alive ${deadlineMs} ms after the signal, kept by ${kept}; ended`
      if (kept !== '') writeSync(process.stderr.fd, `koa-afterglow: ${text}\n`)
    } finally {
      process.exit()
    }
  }
  setTimeout(end, Math.max(ms, MOMENT_MS)).unref()
}

/** As Node names them: `Timeout`, `TCPSocketWrap`, `PipeWrap`, ... */
function whatKeepsIt(): string {
  const resources = process.getActiveResourcesInfo()
  // Node lists these too, though they keep nothing alive.
  for (const stream of [process.stdout, process.stderr]) {
    const at = stream instanceof Socket ? resources.findIndex((name) => /^(Pipe|TTY)Wrap$/.test(name)) : -1
    if (at >= 0) resources.splice(at, 1)
  }
  return [...new Set(resources)].join(', ')
}
