// Who this process says it is. Everything here is a default: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
import { readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Attributes } from '@opentelemetry/api'

/**
 * Not from the SDK's process detector, which also exports the whole command line, and with it whatever secret an argument
 * holds.
 */
export function defaultAttributes(): Attributes {
  const { name, version } = applicationPackage() ?? {}
  return {
    ...(name && { 'service.name': name }),
    ...(version && { 'service.version': version }),
    'process.pid': process.pid,
    'process.runtime.name': 'nodejs',
    'process.runtime.version': process.versions.node,
  }
}

interface Manifest {
  readonly name?: string
  readonly version?: string
}

/** The nearest package.json with a name, above the script; a tool in node_modules that starts the script is not it. */
function applicationPackage(): Manifest | undefined {
  const script = realPathOf(process.argv[1])
  let folder = script && !/[\\/]node_modules[\\/]/.test(script) ? dirname(script) : process.cwd()
  for (;;) {
    const manifest = readManifest(join(folder, 'package.json'))
    if (manifest?.name) return manifest
    const parent = dirname(folder)
    if (parent === folder) return undefined
    folder = parent
  }
}

function realPathOf(path: string | undefined): string | undefined {
  try {
    return path && realpathSync(path)
  } catch {
    return undefined
  }
}

function readManifest(path: string): Manifest | undefined {
  try {
    const { name, version } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    return { ...(typeof name === 'string' && { name }), ...(typeof version === 'string' && { version }) }
  } catch {
    return undefined
  }
}
