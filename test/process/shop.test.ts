import { exec } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { root, Started } from '../support/otel-process.ts'

jest.setTimeout(60_000)

/** What `npm start` and `npm run demo` run, read from where npm reads it. */
function script(name: 'start' | 'demo'): string[] {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<typeof name, string>
  }
  return scripts[name].split(' ').slice(1)
}

let shop: Started
afterEach(() => shop.kill())

type Line = Readonly<Record<string, unknown>>
const parsed = (stdout: string): Line[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)

async function startShop(env: Readonly<Record<string, string>> = {}): Promise<string> {
  shop = new Started(script('start'), { PORT: '0', ...env })
  const [, url = ''] = await shop.says('stdout', /(http:\/\/localhost:\d+)/)
  return url
}

const register = (url: string) =>
  fetch(`${url}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'ada', email: 'ada@example.com' }),
  })

describe('npm start', () => {
  test('prints three requests that work as they are, and where things are', async () => {
    const url = await startShop({ LOG_FORMAT: 'pretty' })
    const [stdout] = await shop.says('stdout', /^[^]*Ctrl-C\n/)
    const curls = [...stdout.matchAll(/^ *(curl .*)$/gm)].map(([, line = '']) => line)
    expect(curls).toHaveLength(3)
    const answers = await Promise.all(curls.map(async (line) => (await promisify(exec)(`${line} -s`)).stdout))
    expect(answers).toEqual([
      '{"message":"Registration successful"}',
      '{"message":"Order 123 placed"}',
      '{"message":"Complex task started"}',
    ])
    await shop.says('stdout', /✔ send-welcome-email {2}completed in .* POST \/register\n/)
    const mails = /mails +(http\S+)/.exec(stdout)?.[1]
    expect(mails).toBe(`${url}/mails`)
    expect(await (await fetch(String(mails))).json()).toContainEqual(
      expect.objectContaining({ subject: 'Welcome, ada' }),
    )
  })

  test('work on a thread delays neither requests nor other tasks', async () => {
    const url = await startShop()
    await fetch(`${url}/complex-task`)
    // The one that waits 1 s ends first: had the 2 s of CPU work run on the server's own thread, it would end last.
    await shop.says('stdout', /"sync-inventory".*"task completed"/)
    const stats = (await (await fetch(`${url}/stats`)).json()) as { inFlight: { running: number } }
    expect(stats.inFlight.running).toBe(1)
    const { stdout } = await shop.ends('SIGINT')
    const ended = parsed(stdout).filter(({ msg }) => msg === 'task completed')
    expect(ended.map((line) => line['afterglow.task.name'])).toEqual(['sync-inventory', 'render-catalogue'])
  })

  test('writes nothing but JSON where stdout is no terminal, with route and trace of each task', async () => {
    const url = await startShop()
    expect((await register(url)).status).toBe(200)
    await fetch(`${url}/failing-task`)
    await shop.says('stdout', /"task completed"/)
    await shop.says('stdout', /"task failed"/)
    const { stdout } = await shop.ends('SIGINT')
    const lines = parsed(stdout)
    expect(lines[0]).toMatchObject({ msg: 'shop is listening', url, mails: `${url}/mails` })
    expect(lines).toContainEqual(
      expect.objectContaining({
        msg: 'task completed',
        'afterglow.task.name': 'send-welcome-email',
        'afterglow.request.route': '/register',
        trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      }),
    )
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'task failed', 'exception.type': 'SearchIndexError', level: 50 }),
    )
  })

  test('a port that is taken is one line and exit code 1', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    shop = new Started(script('start'), { PORT: String(port) })
    const { code, stdout, stderr } = await shop.ends()
    other.close()
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^shop cannot start: port ${port} is taken: .*PORT=${port + 1} npm start\\n$`))
  })
})

describe('Ctrl-C', () => {
  test('finishes the tasks that run and exits with 0 and one line of report', async () => {
    const url = await startShop()
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ status: 'ready' })
    await fetch(`${url}/complex-task`)
    const { code, stdout } = await shop.ends('SIGINT')
    expect(code).toBe(0)
    const reports = parsed(stdout).filter(({ msg }) => String(msg).startsWith('closed in '))
    expect(reports).toMatchObject([{ settled: 2, interrupted: [], msg: expect.stringMatching(/: 2 tasks finished$/) }])
  })

  test('again gives up on the tasks that are left, and names them', async () => {
    const url = await startShop()
    // Far more than the threads can do before the second signal.
    for (let n = 0; n < 10; n++) await fetch(`${url}/complex-task`)
    const ended = shop.ends('SIGINT')
    const again = setInterval(() => void shop.ends('SIGINT'), 1_500)
    await shop.says('stdout', /"task interrupted"/)
    clearInterval(again)
    const { code, stdout } = await ended
    expect(code).toBe(0)
    expect(parsed(stdout).at(-1)).toMatchObject({
      interrupted: expect.arrayContaining(['render-catalogue']),
      msg: expect.stringMatching(/interrupted: .*render-catalogue/),
    })
  })
})

describe('a mail server that hangs', () => {
  test('does not take /register down: all are answered, other tasks end, mails time out, too many are counted', async () => {
    const url = await startShop({ MAIL_HANGS: '1' })
    const registered = async (count: number) => {
      const answers = await Promise.all(Array.from({ length: count }, () => register(url)))
      return [...new Set(answers.map(({ status }) => status))]
    }
    // As many as may hang at once.
    expect(await registered(10)).toEqual([200])
    expect((await fetch(`${url}/order`, { method: 'POST' })).status).toBe(200)
    expect((await fetch(`${url}/complex-task`)).status).toBe(200)
    await shop.says('stdout', /"sync-inventory".*"task completed"/)
    await shop.says('stdout', /"send-welcome-email".*"task timed out"/, 30_000)
    // More than may wait.
    expect(await registered(250)).toEqual([200])
    expect((await fetch(`${url}/order`, { method: 'POST' })).status).toBe(200)
    const { submissions, outcomes } = (await (await fetch(`${url}/stats`)).json()) as Record<string, Line>
    const { stdout } = await shop.ends('SIGKILL')
    expect(outcomes?.['timed_out']).toBeGreaterThan(0)
    expect(submissions?.['rejected']).toBeGreaterThanOrEqual(50)
    expect(stdout).not.toContain('afterglow.task.stuck')
  })
})

describe('npm run demo', () => {
  test('sends mixed traffic to a shop that runs and says what became of it', async () => {
    const url = await startShop()
    const demo = new Started(script('demo'), { PORT: new URL(url).port, DEMO_SECONDS: '1', DEMO_RATE: '40' })
    const { code, stdout } = await demo.ends()
    expect(code).toBe(0)
    expect(stdout).toMatch(/40 of 40 requests\n/)
    expect(stdout).toMatch(/register +200 +\d+ x/)
    expect(stdout).toMatch(/tasks that ended: \d+ completed/)
  })

  test('without a shop is one line that says how to start one, and exit code 1', async () => {
    shop = new Started(script('demo'), { PORT: '1' })
    const { code, stdout, stderr } = await shop.ends()
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^nothing answers at http:\/\/localhost:1: run `npm start` .*\n$/)
  })
})
