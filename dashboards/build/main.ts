// Writes everything that is generated below dashboards/: `npm run dashboards`. A test fails when it is stale.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { config } from '../config.ts'
import { generated } from './generated.ts'

for (const [path, text] of Object.entries(generated(config))) {
  const file = join(import.meta.dirname, '..', path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
