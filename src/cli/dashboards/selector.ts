// A Prometheus label selector as people write it, checked before it goes into a hundred queries.

const MATCHER = /\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')\s*(,|$)/y

/** What is wrong with a selector, in one sentence. */
export class SelectorError extends Error {}

/**
 * The selector without what does not matter: outer braces, spaces, a comma at the end, single quotes.
 * @throws SelectorError
 */
export function normalSelector(text: string): string {
  const inner = text.trim().replace(/^\{([^]*)\}$/, '$1')
  const matchers: string[] = []
  let at = 0
  while (at < inner.trimEnd().length) {
    MATCHER.lastIndex = at
    const [whole, label = '', operator = '', quoted = ''] = MATCHER.exec(inner) ?? []
    if (whole === undefined) throw new SelectorError(`cannot be read from '${inner.slice(at).trim()}' on`)
    matchers.push(label + operator + inDoubleQuotes(quoted))
    requirePattern(operator, quoted)
    at = MATCHER.lastIndex
  }
  if (matchers.length === 0) throw new SelectorError('matches nothing: it is empty')
  return matchers.join(',')
}

/** Text in single quotes has its double quotes bare, and the other way round. */
const inDoubleQuotes = (quoted: string): string =>
  quoted.startsWith('"')
    ? quoted
    : `"${quoted
        .slice(1, -1)
        .replaceAll(String.raw`\'`, "'")
        .replaceAll('"', String.raw`\"`)}"`

function requirePattern(operator: string, quoted: string): void {
  if (!operator.endsWith('~')) return
  try {
    // Of Go's syntax, which Prometheus reads, this refuses what is plainly unfinished.
    RegExp(quoted.slice(1, -1).replaceAll('\\\\', '\\'))
  } catch (error) {
    throw new SelectorError(`has no regular expression in ${quoted}: ${(error as Error).message}`)
  }
}
