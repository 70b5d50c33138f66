// Draws docs/images/incident.svg from docs/images/incident.json, and looks at it in a browser, dark and light: what is written
// must not be wider than the room it was given.
//   npm run docs:picture [-- --png FOLDER]    also keeps what the browser showed
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { draw } from './draw.ts'
import type { Recorded } from './recorded.ts'

/** Of an SVG text in the browser. */
interface Written {
  readonly textContent: string
  readonly dataset: { readonly max: string }
  getComputedTextLength(): number
}

const images = join(import.meta.dirname, '..', '..', 'images')
const recorded = JSON.parse(readFileSync(join(images, 'incident.json'), 'utf8')) as Recorded
const svg = draw(recorded)
const folder = process.argv.includes('--png') ? process.argv[process.argv.indexOf('--png') + 1] : undefined

const executablePath = process.env['CHROMIUM'] || '/usr/bin/chromium'
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
try {
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await browser.newPage({ colorScheme, viewport: { width: 1200, height: 900 }, deviceScaleFactor: 1 })
    await page.setContent(`<body style="margin:0">${svg}`)
    const tooWide = await page.locator('svg text').evaluateAll((texts) =>
      (texts as unknown as readonly Written[])
        .map((one) => ({
          text: one.textContent,
          width: Math.ceil(one.getComputedTextLength()),
          max: Number(one.dataset['max']),
        }))
        .filter(({ width, max }) => width > max),
    )
    if (tooWide.length > 0) throw new Error(`wider than their room: ${JSON.stringify(tooWide)}`)
    if (folder !== undefined)
      await page.locator('svg').screenshot({ path: join(folder, `incident-${colorScheme}.png`) })
    await page.close()
  }
} finally {
  await browser.close()
}
writeFileSync(join(images, 'incident.svg'), svg)
