/**
 * What `koa-afterglow/otel` loads, in the versions that it works with. Narrower than the peers of package.json: an application that
 * starts an SDK of its own, of an older version too, has some of these for itself.
 */
export const BOOTSTRAP: Readonly<Record<string, string>> = {
  '@opentelemetry/api': '>=1.10.0 <2',
  '@opentelemetry/sdk-node': '>=0.301.0 <0.400.0',
  '@opentelemetry/instrumentation-http': '>=0.301.0 <0.400.0',
  '@opentelemetry/instrumentation-koa': '>=0.72.0 <1',
  '@opentelemetry/instrumentation-pino': '>=0.70.0 <1',
  'import-in-the-middle': '^3.6.0',
}
