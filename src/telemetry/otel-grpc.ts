// Calls over gRPC, as far as they have to be ended: each has a deadline timer of 10 s of its own that holds the process, also
// after the exporter was told to shut down.

export interface GrpcTransport {
  _client?: GrpcClient | undefined
}
interface GrpcClient {
  export(...args: readonly unknown[]): Call
}
interface Call {
  cancel(): void
}

export const isGrpc = (transport: object): transport is GrpcTransport => '_client' in transport

/** Tells of each call. The transport makes its client with its first call, and anew after many timeouts. */
export function onCall(transport: GrpcTransport, called: (call: Call) => void): void {
  let client: GrpcClient | undefined
  Object.defineProperty(transport, '_client', {
    get: () => client,
    set(made: GrpcClient | undefined) {
      client = made
      if (!made) return
      const send = made.export
      made.export = (...args) => {
        const call = send.apply(made, [...args])
        called(call)
        return call
      }
    },
  })
}
