// An SDK of the application's own, whose HTTP instrumentation ignores every incoming request: tracing is suppressed in them.
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http')
const { NodeSDK } = require('@opentelemetry/sdk-node')

const sdk = new NodeSDK({
  instrumentations: [new HttpInstrumentation({ ignoreIncomingRequestHook: () => true })],
})
sdk.start()
exports.shutdown = () => sdk.shutdown()
