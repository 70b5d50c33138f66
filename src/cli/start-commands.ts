// How the application is started, as far as its files say: each place with its command.
import { join } from 'node:path'
import type { Pm2 } from './pm2.ts'
import { readText } from './project.ts'
import type { Project } from './project.ts'

export interface StartCommand {
  readonly where: string
  readonly command: string
}

const SCRIPTS = ['start', 'start:prod', 'start:production', 'serve']

export function startCommands(project: Project, pm2: Pm2 | undefined): StartCommand[] {
  const { scripts = {} } = project.manifest
  const npm = SCRIPTS.filter((name) => scripts[name]).map((name) => ({
    where: `npm run ${name}`,
    command: scripts[name] ?? '',
  }))
  const ecosystem = (pm2?.apps ?? []).map((app) => ({
    where: `PM2 app ${app.name}`,
    command: `node ${app.nodeArgs} ${app.script}${app.nodeOptions ? ` # NODE_OPTIONS ${app.nodeOptions}` : ''}`,
  }))
  return [...npm, ...procfile(project), ...dockerfile(project), ...ecosystem].filter(({ command }) =>
    startsNode(command),
  )
}

/** `npm start` in a Dockerfile is the script, which is listed by itself. */
const startsNode = (command: string): boolean => /\b(node|tsx|ts-node|nodemon|bun|pm2)\b/.test(command)

const procfile = ({ folder }: Project): StartCommand[] =>
  [...(readText(join(folder, 'Procfile')) ?? '').matchAll(/^(\w+):\s*(.+)$/gm)].map(([, name, command = '']) => ({
    where: `Procfile ${name}`,
    command,
  }))

function dockerfile({ folder }: Project): StartCommand[] {
  const text = (readText(join(folder, 'Dockerfile')) ?? '').replaceAll(/\\\n/g, ' ')
  const options = /^\s*ENV\s+NODE_OPTIONS[= ](.+)$/im.exec(text)?.[1]
  const last = [...text.matchAll(/^\s*(?:CMD|ENTRYPOINT)\s+(.+)$/gim)].at(-1)?.[1]
  if (!last) return []
  const command = last.startsWith('[') ? last.replaceAll(/["[\],\s]+/g, ' ').trim() : last
  return [{ where: 'Dockerfile', command: options ? `${command} # NODE_OPTIONS ${options}` : command }]
}
