// The application as it lies in its folder. Packages are found by walking node_modules, as Node does: `exports` hide the
// package.json of many, and a package that is broken must still be found.
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

export interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

export interface Project {
  readonly folder: string
  readonly env: Readonly<NodeJS.ProcessEnv>
  readonly manifest: Manifest
}

/** A package as it is installed: its real folder. */
export interface Installed {
  readonly folder: string
  readonly version: string
}

export const openProject = (folder: string, env: NodeJS.ProcessEnv): Project => ({
  folder,
  env,
  manifest: readManifest(folder) ?? {},
})

export function readManifest(folder: string): Manifest | undefined {
  const text = readText(join(folder, 'package.json'))
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Manifest)
  } catch {
    return undefined
  }
}

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** The copy that code in `from` gets; undefined if it gets none. */
export function installed(name: string, from: string): Installed | undefined {
  for (const folder of [from, ...parentsOf(from)]) {
    if (readManifest(folder)?.name === name) return describe(folder)
    const candidate = join(folder, 'node_modules', name)
    if (existsSync(join(candidate, 'package.json'))) return describe(candidate)
  }
  return byResolver(name, from)
}

/** Yarn's Plug'n'Play has no folders to walk. */
function byResolver(name: string, from: string): Installed | undefined {
  try {
    const file = createRequire(join(from, 'package.json')).resolve(name)
    const folder = [file, ...parentsOf(file)].find((parent) => readManifest(parent)?.name === name)
    return folder === undefined ? undefined : describe(folder)
  } catch {
    return undefined
  }
}

/** Every copy of the package under the node_modules that code in `from` can reach. */
export function copiesOf(name: string, from: string): Installed[] {
  const found = new Map<string, Installed>()
  const seen = new Set<string>()
  const visit = (modules: string): void => {
    for (const folder of packagesIn(modules)) {
      const real = realpathSync(folder)
      if (folder === join(modules, name)) found.set(real, describe(real))
      if (seen.has(real)) continue
      seen.add(real)
      visit(join(real, 'node_modules'))
    }
  }
  for (const folder of [from, ...parentsOf(from)]) {
    visit(join(folder, 'node_modules'))
    // pnpm keeps every package here, and links it from where it is used.
    for (const entry of list(join(folder, 'node_modules/.pnpm')))
      visit(join(folder, 'node_modules/.pnpm', entry, 'node_modules'))
  }
  return [...found.values()]
}

function packagesIn(modules: string): string[] {
  return list(modules)
    .filter((entry) => !entry.startsWith('.'))
    .flatMap((entry) => (entry.startsWith('@') ? list(join(modules, entry)).map((one) => join(entry, one)) : [entry]))
    .map((entry) => join(modules, entry))
    .filter((folder) => existsSync(join(folder, 'package.json')))
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

const describe = (folder: string): Installed => {
  const real = realpathSync(folder)
  return { folder: real, version: readManifest(real)?.version ?? 'of unknown version' }
}

export function parentsOf(path: string): string[] {
  const parent = dirname(path)
  return parent === path ? [] : [parent, ...parentsOf(parent)]
}
