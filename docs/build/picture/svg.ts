// Pieces of SVG. Everything written has a width that it may take: a browser holds it to that (docs/build/picture/look.ts).

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface TextStyle {
  /** Of the style sheet below. */
  readonly of?: string
  readonly size?: number
  readonly anchor?: 'start' | 'middle' | 'end'
  /** How wide it may be; longer text ends in an ellipsis. */
  readonly max: number
}

const SIZE = 13
/** Of system fonts, a little more than their average letter; code is monospaced. */
const EM = { plain: 0.56, code: 0.605 }

export function text(x: number, y: number, content: string, { of = '', size = SIZE, anchor, max }: TextStyle): string {
  const em = of.includes('code') ? EM.code : EM.plain
  const fits = Math.floor(max / (size * em))
  const shown = content.length > fits ? `${content.slice(0, Math.max(1, fits - 1)).trimEnd()}…` : content
  const attributes = [
    `x="${round(x)}" y="${round(y)}" data-max="${Math.floor(max)}"`,
    ...(of ? [`class="${of}"`] : []),
    ...(size === SIZE ? [] : [`font-size="${size}"`]),
    ...(anchor && anchor !== 'start' ? [`text-anchor="${anchor}"`] : []),
  ]
  return `<text ${attributes.join(' ')}>${escaped(shown)}</text>`
}

export function rect({ x, y, width, height }: Box, of: string, more = ''): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" class="${of}"${more && ` ${more}`}/>`
}

export const line = (from: readonly [number, number], to: readonly [number, number], of: string): string =>
  `<line x1="${round(from[0])}" y1="${round(from[1])}" x2="${round(to[0])}" y2="${round(to[1])}" class="${of}"/>`

export const escaped = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const round = (value: number): number => Math.round(value * 10) / 10

/** A panel with its title, and the question that it answers. */
export function panel(box: Box, title: string, hint: string): string {
  return [
    rect(box, 'panel', 'rx="8"'),
    text(box.x + 16, box.y + 26, title, { of: 'strong', size: 14, max: box.width - 32 }),
    text(box.x + 16, box.y + 45, hint, { of: 'quiet', size: 12, max: box.width - 32 }),
  ].join('\n')
}

/** Colours that tell tasks apart on either ground, also to people who see fewer colours. */
const TASKS = {
  light: ['#0072b2', '#d55e00', '#009e73', '#aa4499'],
  dark: ['#56b4e9', '#f5793a', '#2fc39b', '#cc79c4'],
}
export const HUES = TASKS.light.length

const looks = (
  { ground, panel: surface, edge, ink, quiet, bad, good, mark }: Readonly<Record<string, string>>,
  tasks: readonly string[],
): string =>
  [
    `.ground{fill:${ground}}.panel{fill:${surface};stroke:${edge}}text{fill:${ink}}.quiet{fill:${quiet}}.rule{stroke:${edge}}`,
    `.bad{fill:${bad}}.good{fill:${good}}.mark{stroke:${mark};stroke-dasharray:4 3}.marked{fill:${mark}}`,
    ...tasks.map((colour, at) => `.task${at}{fill:${colour}}`),
  ].join('')

export const STYLE = `<style>text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.strong{font-weight:600}.code{font-family:ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace}
${looks({ ground: '#eef1f5', panel: '#ffffff', edge: '#d5dbe3', ink: '#14202e', quiet: '#5b6877', bad: '#c2242b', good: '#3b78c4', mark: '#7a4d00' }, TASKS.light)}
@media (prefers-color-scheme:dark){${looks({ ground: '#0d1117', panel: '#161c24', edge: '#2f3946', ink: '#e8edf3', quiet: '#9aa7b6', bad: '#ff6b6b', good: '#6aa9f0', mark: '#f0b860' }, TASKS.dark)}}</style>`
