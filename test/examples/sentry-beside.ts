import * as Sentry from '@sentry/node'

// Loaded second: node --import koa-afterglow/otel --import ./sentry-beside.ts app.ts
Sentry.init({ dsn: process.env['SENTRY_DSN'] })
