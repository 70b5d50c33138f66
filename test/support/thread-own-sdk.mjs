// An SDK as an application starts it itself, on every thread that loads this.
import { isMainThread } from 'node:worker_threads'
import { NodeSDK } from '@opentelemetry/sdk-node'

const sdk = new NodeSDK()
sdk.start()
if (isMainThread) process.once('beforeExit', () => void sdk.shutdown())
