// The import direction of src/ as data: a zone may import itself, the zones and the packages listed for it, and no other.
// index -> create-tasks -> middle tier -> core -> nothing; the folders of the middle tier never import each other.

export interface Rule {
  readonly zones: readonly string[]
  /** `@scope/*` stands for all packages of a scope; a `type:` prefix admits erased imports only. */
  readonly packages: readonly string[]
}

const middle = ['http', 'middleware', 'telemetry', 'telemetry/names', 'engines/in-process', 'threads', 'lifecycle']

export const rules: Readonly<Record<string, Rule>> = {
  index: { zones: ['create-tasks', ...middle, 'core'], packages: [] },
  'create-tasks': { zones: [...middle, 'create-tasks/stand-in', 'core'], packages: [] },
  // The door between them and testing: types and a symbol.
  'create-tasks/stand-in': { zones: ['core'], packages: ['type:@opentelemetry/api'] },
  // Its like on a thread.
  'thread-entry': { zones: ['telemetry', 'threads', 'core'], packages: [] },

  http: { zones: ['core'], packages: ['koa'] },
  middleware: { zones: ['core'], packages: [] },
  telemetry: { zones: ['core', 'telemetry/names'], packages: ['@opentelemetry/*', 'import-in-the-middle', 'pino'] },
  'telemetry/names': { zones: [], packages: [] },
  'engines/in-process': { zones: ['core'], packages: [] },
  threads: { zones: ['core'], packages: ['piscina'] },
  lifecycle: { zones: ['core'], packages: [] },

  core: { zones: [], packages: ['type:@standard-schema/spec'] },

  // Subpaths of the package: nothing above may import them.
  'engines/pg-boss': { zones: ['core'], packages: ['pg-boss', 'pg', '@electric-sql/pglite'] },
  'engines/bullmq': { zones: ['core'], packages: ['bullmq', 'ioredis'] },
  // The command line: it looks at the packages of an application, and may be run where none is installed; an engine is loaded
  // by the one command that opens a store.
  cli: { zones: ['core', 'telemetry/names', 'engines/pg-boss', 'engines/bullmq'], packages: [] },
  testing: { zones: ['core', 'telemetry/names', 'create-tasks/stand-in'], packages: ['@opentelemetry/*'] },
  // One for each test runner: its `expect`, and nothing else of it.
  'testing/jest': { zones: ['testing'], packages: ['@jest/globals', 'expect'] },
  'testing/vitest': { zones: ['testing'], packages: ['vitest'] },
}

/** `src/engines/pg-boss.ts` and `src/engines/pg-boss/store.ts` are both in `engines/pg-boss`. */
export function zoneOf(path: string): string {
  const parts = path
    .replace(/^src\//, '')
    .replace(/\.ts$/, '')
    .split('/')
  if (parts[0] === 'engines') return parts.slice(0, 2).join('/')
  if (parts[0] === 'testing' && (parts[1] === 'jest' || parts[1] === 'vitest')) return `testing/${parts[1]}`
  if (parts[0] === 'create-tasks' && parts[1] === 'stand-in') return 'create-tasks/stand-in'
  if (parts[0] === 'telemetry' && parts[1] === 'names') return 'telemetry/names'
  return parts[0] ?? ''
}

export function admits(rule: Rule, specifier: string, typeOnly: boolean): boolean {
  const parts = specifier.split('/')
  const name = specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '')
  return rule.packages.some((entry) => {
    const forTypes = entry.startsWith('type:')
    if (forTypes && !typeOnly) return false
    const allowed = forTypes ? entry.slice('type:'.length) : entry
    return allowed.endsWith('/*') ? name.startsWith(allowed.slice(0, -1)) : name === allowed
  })
}
