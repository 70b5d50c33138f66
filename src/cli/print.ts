// How findings are shown: lines for people, JSON for machines.
import type { Finding, Status } from './finding.ts'
import { worst } from './finding.ts'

/** A field of it that changes its meaning makes this a 2. */
const SCHEMA = 1

export interface Examined {
  readonly version: string
  readonly folder: string
  readonly command: readonly string[]
  readonly findings: readonly Finding[]
}

const COLOURS: Readonly<Record<Status, string>> = { ok: '32', warn: '33', fail: '31', skip: '90' }

export function asText({ version, folder, command, findings }: Examined, colours: boolean): string {
  const width = Math.max(...findings.map(({ id }) => id.length))
  const paint = (status: Status): string =>
    colours ? `\u001b[${COLOURS[status]}m${status.padEnd(4)}\u001b[0m` : status.padEnd(4)
  const lines = findings.flatMap(({ id, status, message, fix }) => [
    `${paint(status)}  ${id.padEnd(width)}  ${message}`,
    ...(fix ? [`${' '.repeat(8 + width)}-> ${fix}`] : []),
  ])
  const count = (status: Status): number => findings.filter((finding) => finding.status === status).length
  const what = command.length > 0 ? `${folder}, running ${command.join(' ')}` : folder
  return [
    `koa-afterglow ${version} doctor, in ${what}`,
    '',
    ...lines,
    '',
    `${count('ok')} ok, ${count('warn')} to think about, ${count('fail')} broken${count('skip') > 0 ? `, ${count('skip')} not looked at` : ''}`,
    '',
  ].join('\n')
}

export function asJson({ version, folder, command, findings }: Examined): string {
  const status = worst(findings)
  return `${JSON.stringify({ schema: SCHEMA, version, status, folder, command, findings }, undefined, 2)}\n`
}
