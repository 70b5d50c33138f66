import cluster from 'node:cluster'

if (cluster.isPrimary) {
  let ending = false
  const end = (signal: NodeJS.Signals) => {
    ending = true
    // Not worker.kill() nor disconnect(): those close the server under its requests.
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal)
  }
  process.on('SIGTERM', end).on('SIGINT', end)
  cluster.on('exit', (_worker, code) => {
    if (!ending) cluster.fork()
    else if (code) process.exitCode = code
  })
  for (let n = 0; n < 2; n++) cluster.fork()
} else {
  await import('./shutdown-service.ts') // each has its own tasks, and drains them
}
