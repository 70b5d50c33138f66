import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { transformSync } from '@swc/core'
import { root, Started } from '../support/otel-process.ts'

// The types go away in a build, and with them the lines: only a source map still knows where the throw was.
const SOURCE = `import { createTasks, defineTask, type Logger } from 'koa-afterglow'
interface Order {
  readonly id: number
  readonly card?: string
  readonly name?: string
  readonly street?: string
  readonly town?: string
}
type Print = (fields: object | string, message?: string) => void
const print: Print = (fields) => console.log(JSON.stringify(fields))
const logger: Logger = { debug: print, info: print, warn: print, error: print }

function chargeCard(order: Order): never {
  throw new TypeError('refused ' + order.id)
}
const charge = defineTask({ name: 'charge', run: (order: Order) => chargeCard(order) })
const tasks = createTasks({ logger })
tasks.add(charge, { id: 1 })
await tasks.close()
`
const line = (text: string) => SOURCE.split('\n').findIndex((one) => one.includes(text)) + 1

let folder: string
beforeEach(() => {
  mkdirSync(join(root, '.cache'), { recursive: true })
  folder = mkdtempSync(join(root, '.cache', 'source-position-'))
  writeFileSync(join(folder, 'charge.ts'), SOURCE)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function failureOf(args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout, stderr } = await new Started(args, {}).ends()
  const failure = stdout.split('\n').find((text) => text.includes('exception.type'))
  if (!failure) throw new Error(`no failure was printed: ${stdout} ${stderr}`)
  return JSON.parse(failure) as Record<string, unknown>
}

function built(): string {
  const { code, map } = transformSync(SOURCE, {
    filename: join(folder, 'charge.ts'),
    sourceFileName: 'charge.ts',
    sourceMaps: true,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
    module: { type: 'es6' },
  })
  const file = join(folder, 'charge.mjs')
  writeFileSync(`${file}.map`, map ?? '')
  writeFileSync(file, `${code}\n//# sourceMappingURL=charge.mjs.map\n`)
  return file
}

describe('the position of a failure', () => {
  const position = () => ({
    'code.file.path': join(folder, 'charge.ts'),
    'code.line.number': line('throw new'),
    'code.function.name': 'chargeCard',
  })

  it('is the line of the source where Node strips the types', async () => {
    expect(await failureOf([join(folder, 'charge.ts')])).toMatchObject(position())
  })

  it('is the line of the source where a build has a source map and Node is told to use it', async () => {
    expect(await failureOf(['--enable-source-maps', built()])).toMatchObject(position())
  })

  it('is the line of the build where Node is not told, and the fingerprint is the same in all three', async () => {
    const plain = await failureOf([built()])
    expect(plain).toMatchObject({ 'code.file.path': join(folder, 'charge.mjs'), 'code.function.name': 'chargeCard' })
    expect(plain['code.line.number']).not.toBe(line('throw new'))
    for (const args of [[join(folder, 'charge.ts')], ['--enable-source-maps', built()]])
      expect((await failureOf(args))['afterglow.error.fingerprint']).toBe(plain['afterglow.error.fingerprint'])
  })
})
