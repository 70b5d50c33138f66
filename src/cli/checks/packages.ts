// What is installed: versions that work together, and one copy of what must be one.
import { compare, satisfies, versionOf } from '../../core/versions.ts'
import { BOOTSTRAP } from '../../telemetry/names/bootstrap.ts'
import { finder } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { ownManifest, PACKAGE } from '../own-package.ts'
import { copiesOf, installed } from '../project.ts'
import type { Installed, Project } from '../project.ts'

const API = '@opentelemetry/api'
/** Whoever of these is there registers the SDK: the first one does, if there are several. */
const SDKS = [
  '@opentelemetry/sdk-node',
  '@sentry/node',
  '@opentelemetry/sdk-trace-node',
  '@opentelemetry/sdk-trace',
  '@opentelemetry/sdk-trace-base',
]
const MINIMUM = '22.15.0'

export function checkPackages(project: Project): Finding[] {
  return [
    checkNode(process.versions.node),
    checkKoa(project),
    checkCopies(project),
    checkApi(project),
    checkSdk(project),
  ]
}

export function checkNode(version: string): Finding {
  const node = finder('node')
  const at = versionOf(version)
  if (compare(at, versionOf(MINIMUM)) < 0)
    return node.fail(`Node ${version}; ${PACKAGE} needs ${MINIMUM}`, 'run doctor and the app on Node 24 or later')
  if (at[0] < 24)
    return node.ok(
      `Node ${version}; from 24 on, following a request through its awaits costs a fraction of what it does here`,
    )
  return node.ok(`Node ${version}`)
}

function checkKoa({ folder }: Project): Finding {
  const koa = finder('koa')
  const found = installed('koa', folder)
  const range = ownManifest().peerDependencies?.['koa'] ?? ''
  if (!found) return koa.fail(`koa is not installed in ${folder}`, 'run doctor in the folder of the application')
  return satisfies(found.version, range)
    ? koa.ok(`koa ${found.version}`)
    : koa.fail(`koa ${found.version} is not supported`, `install koa ${range}`)
}

/** Two copies share what is under a global symbol; two versions of it may not mean the same by it. */
function checkCopies({ folder }: Project): Finding {
  const copies = finder('copies')
  const all = copiesOf(PACKAGE, folder)
  const own = installed(PACKAGE, folder)
  if (!own)
    return copies.fail(
      `${PACKAGE} is not installed in ${folder}`,
      `run doctor in the folder of the application, or npm install ${PACKAGE}`,
    )
  if (all.length < 2) return copies.ok(`one copy of ${PACKAGE}, ${own.version}`)
  return copies.warn(
    `${all.length} copies of ${PACKAGE}: ${all.map(shown).join(', ')}; ctx.tasks of one knows nothing of the other`,
    `npm dedupe, or the same version in every package.json`,
  )
}

/**
 * A copy takes part in what another registered only if its own minor version is not the newer one. Otherwise it is a no-op,
 * and says nothing.
 */
function checkApi({ folder }: Project): Finding {
  const api = finder('api')
  const own = apiOf(PACKAGE, folder)
  if (!own) return api.fail(`${API} is not installed, and ${PACKAGE} cannot be loaded without it`, `npm install ${API}`)
  const sdk = SDKS.find((name) => installed(name, folder))
  const registered = sdk ? apiOf(sdk, folder) : undefined
  const fix = `one version of ${API}: npm dedupe, or "overrides" in package.json; npm ls ${API} shows who wants which`
  if (sdk && registered && registered.folder !== own.folder)
    return sees(own.version, registered.version)
      ? api.warn(`${PACKAGE} has ${shown(own)}, ${sdk} has ${shown(registered)}: they work together by luck`, fix)
      : api.fail(`${PACKAGE} has ${shown(own)}, ${sdk} has ${shown(registered)}: nothing of the tasks is recorded`, fix)
  const others = copiesOf(API, folder).filter((copy) => copy.folder !== own.folder)
  const deaf = others.filter((copy) => !sees(copy.version, own.version))
  if (deaf.length > 0)
    return api.warn(`whoever uses ${deaf.map(shown).join(', ')} records nothing beside ${own.version}`, fix)
  return api.ok(
    `${API} ${own.version}${others.length > 0 ? `, and ${others.length} more that work with it` : ', one copy'}`,
  )
}

const apiOf = (name: string, folder: string): Installed | undefined => {
  const user = installed(name, folder)
  return user && installed(API, user.folder)
}

function sees(own: string, registered: string): boolean {
  const [major, minor] = versionOf(own)
  const [otherMajor, otherMinor] = versionOf(registered)
  return major === otherMajor && minor <= otherMinor
}

const shown = ({ folder, version }: Installed): string => `${version} (${folder})`

function checkSdk({ folder }: Project): Finding {
  const sdk = finder('sdk')
  const found = SDKS.find((name) => installed(name, folder))
  if (!found)
    return sdk.warn(
      'no OpenTelemetry SDK is installed: tasks run and are logged, spans and metrics go nowhere',
      `npm install ${toInstall(Object.entries(BOOTSTRAP))}`,
    )
  const lacking = Object.entries(BOOTSTRAP).filter(([name, range]) => {
    const one = installed(name, folder)
    return !one || !satisfies(one.version, range)
  })
  if (found !== '@opentelemetry/sdk-node' || lacking.length === 0)
    return sdk.ok(`${found} ${installed(found, folder)?.version ?? ''}`.trim())
  return sdk.warn(
    `${PACKAGE}/otel cannot start: ${lacking.map(([name]) => `${name} ${installed(name, folder)?.version ?? 'is missing'}`).join(', ')}`,
    `npm install ${toInstall(lacking)}; an SDK that you start yourself needs none of it`,
  )
}

const toInstall = (packages: readonly (readonly [name: string, range: string])[]): string =>
  packages.map(([name, range]) => `${name}@'${range}'`).join(' ')
