// Writes docs/telemetry.md and telemetry.contract.json: `npm run docs:telemetry`. A test fails when they are stale.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { telemetryDocs } from './telemetry-docs.ts'

for (const [path, text] of Object.entries(telemetryDocs()))
  writeFileSync(join(import.meta.dirname, '..', '..', path), text)
