import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'

export interface TcpProxy {
  readonly port: number
  /** Ends all connections, and refuses new ones. */
  cut(): void
  /** Lets connections be, but nothing passes. */
  freeze(): void
  /** What is asked arrives; what is answered is gone. */
  mute(): void
  heal(): void
  close(): Promise<void>
}

/** A wire to a server of a test, to be cut. */
export async function tcpProxy(target: number): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let state: 'open' | 'cut' | 'frozen' | 'mute' = 'open'
  const server = createServer((near) => {
    if (state === 'cut') return near.destroy()
    const far = connect(target, '127.0.0.1')
    const pair = [near, far] as const
    pairs.add(pair)
    for (const [one, other] of [pair, [far, near] as const]) {
      one.on('data', (data) => (state === 'mute' && one === far) || other.write(data))
      one.on('error', () => {})
      one.on('close', () => {
        other.destroy()
        pairs.delete(pair)
      })
      if (state === 'frozen') one.pause()
    }
    return undefined
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sockets = () => [...pairs].flat()
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      state = 'cut'
      for (const socket of sockets()) socket.destroy()
    },
    freeze() {
      state = 'frozen'
      for (const socket of sockets()) socket.pause()
    },
    mute() {
      state = 'mute'
    },
    heal() {
      state = 'open'
      for (const socket of sockets()) socket.resume()
    },
    async close() {
      for (const socket of sockets()) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
