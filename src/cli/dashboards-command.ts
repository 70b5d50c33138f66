// `koa-afterglow dashboards`: what the package ships for Grafana and Prometheus, written for one installation.
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { adapted } from './dashboards/installation.ts'
import type { Installation } from './dashboards/installation.ts'
import { normalSelector, SelectorError } from './dashboards/selector.ts'
import { ownFolder } from './own-package.ts'
import { parse, show, UsageError } from './usage.ts'
import type { Command } from './usage.ts'

const HELP = `Usage: koa-afterglow dashboards --out FOLDER [options]

Writes for your installation, from what this package ships:
  FOLDER/grafana           dashboards, for Grafana's dashboard provider or its import
  FOLDER/rules             recording and alerting rules, for Prometheus' rule_files
  FOLDER/provisioning      datasources with their links, and the provider of the dashboards
  FOLDER/runbooks          what to do about each alert
  FOLDER/mixin.libsonnet   dashboards and rules once more, for who uses Jsonnet

  npx koa-afterglow dashboards --out ops --grafana-url https://grafana.example.com --selector 'cluster="eu"'

Options
  --out FOLDER                 made if it is not there; files of the same name are overwritten
  --grafana-url URL            where Grafana answers: for links from alerts (default: http://localhost:3000)
  --selector MATCHERS          labels that every query of an application's metrics gets besides
                               (default: 'job=~".+"', whatever there is)
  --source-url-template URL    where a line of code is read, with {path}, {line} and maybe {version}, the
                               service.version: 'https://git.example/shop/blob/{version}/{path}#L{line}'
  --source-root FOLDER         what paths in stacks begin with, and the address does not (default: /app)

Objective, owner and thresholds are in dashboards/config.ts of the repository. To run it again is safe.
Exit code: 0 written, 1 cannot be written, 2 wrong usage.
`

const OPTIONS = {
  out: { type: 'string' },
  'grafana-url': { type: 'string' },
  selector: { type: 'string' },
  'source-url-template': { type: 'string' },
  'source-root': { type: 'string' },
} as const

interface Wanted extends Installation {
  readonly out: string
}

function read(args: readonly string[], rest: readonly string[] | undefined): Wanted {
  const { values, positionals } = parse(args, OPTIONS)
  const stray = [...positionals, ...(rest ?? [])]
  if (stray.length > 0) throw new UsageError(`unexpected '${stray.join(' ')}'; a folder is named by --out`)
  if (!values.out) throw new UsageError('--out is missing: the folder to write to')
  if (values['source-root'] !== undefined && values['source-url-template'] === undefined)
    throw new UsageError('--source-root says nothing without --source-url-template')
  return {
    out: resolve(values.out),
    grafanaUrl: values['grafana-url'] === undefined ? undefined : addressOf(values['grafana-url']),
    selector: values.selector === undefined ? undefined : selectorOf(values.selector),
    sourceUrl: values['source-url-template'] === undefined ? undefined : templateOf(values['source-url-template']),
    sourceRoot: values['source-root'] === undefined ? undefined : rootOf(values['source-root']),
  }
}

function addressOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError(`--grafana-url takes an address such as https://grafana.example.com, not '${text}'`)
  if (url.search || url.hash || url.username)
    throw new UsageError(`--grafana-url takes the address of Grafana alone, without what is after ? or # or before @`)
  return url.href.replace(/\/+$/, '')
}

function selectorOf(text: string): string {
  try {
    return normalSelector(text)
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error
    throw new UsageError(`--selector ${error.message}; it takes label matchers such as 'cluster="eu",job=~"shop.*"'`)
  }
}

function templateOf(text: string): string {
  const missing = ['{path}', '{line}'].filter((placeholder) => !text.includes(placeholder))
  if (missing.length > 0) throw new UsageError(`--source-url-template '${text}' has no ${missing.join(' and no ')}`)
  const unknown = /\{(?!path\}|line\}|version\})\w*\}?/.exec(text)?.[0]
  if (unknown !== undefined)
    throw new UsageError(`--source-url-template knows {path}, {line} and {version}, not '${unknown}'`)
  if (text.includes('$'))
    throw new UsageError('--source-url-template cannot have a $: Grafana would fill it in; write %24')
  if (!/^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(text))
    throw new UsageError(`--source-url-template takes an address with its scheme, such as https://, not '${text}'`)
  return text
}

function rootOf(text: string): string {
  if (!/^([/\\]|[a-z]:)/i.test(text)) throw new UsageError(`--source-root takes an absolute path, not '${text}'`)
  return /[/\\]$/.test(text) ? text : `${text}/`
}

/** Below `dashboards/` of the package. */
const FOLDERS = ['grafana', 'rules', 'provisioning'] as const
const MIXIN = 'mixin.libsonnet'

export const dashboardsCommand: Command = {
  help: HELP,
  async run(args, rest) {
    const wanted = read(args, rest)
    try {
      const counts = FOLDERS.map((folder) => [folder, write(folder, wanted)] as const)
      cpSync(join(ownFolder(), 'docs', 'runbooks'), join(wanted.out, 'runbooks'), { recursive: true })
      cpSync(join(ownFolder(), 'dashboards', MIXIN), join(wanted.out, MIXIN))
      show(summary(wanted, Object.fromEntries(counts)))
      return 0
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === undefined) throw error
      process.stderr.write(`koa-afterglow: cannot write to ${wanted.out}: ${message}\n`)
      return 1
    }
  },
}

/** How many files. */
function write(folder: (typeof FOLDERS)[number], wanted: Wanted): number {
  const shipped = join(ownFolder(), 'dashboards')
  const files = readdirSync(join(shipped, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(shipped, folder, name))
    .filter((file) => /\.(json|ya?ml)$/.test(file) && statSync(file).isFile())
  for (const file of files) {
    const path = relative(shipped, file).replaceAll('\\', '/')
    const target = join(wanted.out, path)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, adapted(path, readFileSync(file, 'utf8'), wanted))
  }
  return files.length
}

const summary = ({ out }: Wanted, { grafana, rules }: Readonly<Record<string, number>>): string => `Wrote to ${out}

  grafana        ${grafana} dashboards: into the folder of provisioning/dashboards.yaml, or import them
  rules          ${rules} files: add ${join(out, 'rules', '*.yaml')} to rule_files of Prometheus, or mimirtool rules load
  provisioning   datasources.yaml: merge into yours, with your uids; needs Grafana 12.2
  runbooks       what each alert leads to
`
