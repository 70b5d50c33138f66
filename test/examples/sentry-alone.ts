import * as Sentry from '@sentry/node'

// Loaded first: node --import ./sentry-alone.ts app.ts
Sentry.init({
  dsn: process.env['SENTRY_DSN'],
  tracesSampleRate: 1,
  enableOpenTelemetrySetup: true, // Sentry is the OpenTelemetry SDK: the spans of requests and tasks go there
})
