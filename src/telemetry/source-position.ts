/** A place in source code, as a stack names it: with source maps enabled that is the source, not what was built from it. */
export interface SourcePosition {
  readonly file: string
  readonly line: number
  /** Absent at the top level of a module and in anonymous functions. */
  readonly function?: string
}

const MAX_LINES = 64
const MAX_LINE = 1_024

/** The first frame in code of the application: not Node's, not a package's, not this library's. */
export function positionIn(stack: string): SourcePosition | undefined {
  for (const line of stack.split('\n', MAX_LINES)) {
    const frame = isFrame(line) && !isOurs(line) ? frameOf(line) : undefined
    if (frame && isApplication(frame.file)) return frame
  }
  return undefined
}

export const isFrame = (line: string): boolean => /^\s*at /.test(line)

/** By hand: a pattern with three open ends takes its time over what only looks like a frame. */
function frameOf(line: string): SourcePosition | undefined {
  if (line.length > MAX_LINE) return undefined
  const end = /:(\d{1,9}):\d{1,9}\)?$/.exec(line)
  if (!end) return undefined
  const text = line.slice(line.indexOf('at ') + 3, end.index)
  const open = text.indexOf(' (')
  const file = pathOf(open < 0 ? text.replace(/^async /, '') : text.slice(open + 2))
  const name = open < 0 ? undefined : functionOf(text.slice(0, open))
  return { file, line: Number(end[1]), ...(name && { function: name }) }
}

function functionOf(text: string): string | undefined {
  const name = text.replace(/^(?:async |new )/, '').replace(/ \[as .*$/, '')
  return name === '<anonymous>' || name === 'Object.<anonymous>' ? undefined : name
}

function pathOf(text: string): string {
  if (!text.startsWith('file://')) return text
  const path = text.replace(/^file:\/\/(?:\/(?=[A-Za-z]:))?/, '')
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

const isApplication = (file: string): boolean =>
  /[\\/]/.test(file) &&
  !/^(?:node|internal|native|data|evalmachine|wasm):?/.test(file) &&
  !/[\\/]node_modules[\\/]|<anonymous>/.test(file)

/** Where this library is, as stacks name it: above the folder of this very module. */
const HERE = /(?:\(|at )(?:file:\/\/)?(\S*)telemetry[\\/]source-position\.[cm]?[tj]s/
const ROOT = HERE.exec(new Error().stack ?? '')?.[1]
const FOLDERS = ['core', 'http', 'middleware', 'telemetry', 'engines', 'threads', 'lifecycle', 'create-tasks']
const OURS = ROOT === undefined ? [] : FOLDERS.map((folder) => ROOT + folder)
const CORE = OURS[0]

const isOurs = (line: string): boolean => OURS.some((path) => line.includes(path))
/** A frame of the runner, which says nothing about a failure, and there are as many of them as middleware layers. */
export const isOfCore = (line: string): boolean => CORE !== undefined && line.includes(CORE)

/** Frames of ours between `add()` and here are more than Node keeps by default. */
const DEEP = 40

/** Where the application called us; costs some microseconds. */
export function callSite(): SourcePosition | undefined {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = DEEP
  const { stack } = new Error()
  Error.stackTraceLimit = stackTraceLimit
  return stack === undefined ? undefined : positionIn(stack)
}
