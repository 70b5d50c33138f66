import { describe, expect, test } from '@jest/globals'
import { exceptionFacts } from '../../src/telemetry/exceptions.ts'
import { fingerprint } from '../../src/telemetry/fingerprint.ts'
import { positionIn } from '../../src/telemetry/source-position.ts'

const stackOf = (...frames: readonly string[]) => ['Error: no', ...frames.map((frame) => `    at ${frame}`)].join('\n')

describe('the source position', () => {
  test.each<[string, string, object]>([
    ['of a named function', 'send (/app/src/mail.ts:12:5)', { file: '/app/src/mail.ts', line: 12, function: 'send' }],
    [
      'of a method',
      'async Mailer.send [as run] (/app/mail.js:1:5)',
      { file: '/app/mail.js', line: 1, function: 'Mailer.send' },
    ],
    ['of a constructor', 'new Mailer (/app/mail.js:3:5)', { file: '/app/mail.js', line: 3, function: 'Mailer' }],
    [
      'of an ES module',
      'send (file:///app/src/m%20a.mjs:12:5)',
      { file: '/app/src/m a.mjs', line: 12, function: 'send' },
    ],
    ['on Windows', 'send (file:///C:/app/mail.js:7:1)', { file: 'C:/app/mail.js', line: 7, function: 'send' }],
    [
      'in a path with brackets',
      'send (/app/(a) b/mail.js:7:1)',
      { file: '/app/(a) b/mail.js', line: 7, function: 'send' },
    ],
    ['of an anonymous function', 'async /app/src/mail.ts:12:5', { file: '/app/src/mail.ts', line: 12 }],
    ['of the top level', 'Object.<anonymous> (/app/mail.js:9:1)', { file: '/app/mail.js', line: 9 }],
  ])('%s is read', (_, frame, position) => {
    expect(positionIn(stackOf(frame))).toEqual(position)
  })

  test('is the first frame in the application: neither of Node, nor of a package, nor of this library', () => {
    const ours = new URL('../../src/core/compose.ts', import.meta.url).pathname
    const stack = stackOf(
      'Socket.emit (node:events:1:1)',
      'new Promise (<anonymous>)',
      'eval (eval at run (/app/x.js:1:1), <anonymous>:1:1)',
      'query (/app/node_modules/pg/client.js:1:1)',
      `next (${ours}:20:3)`,
      'send (/app/src/mail.ts:12:5)',
      'main (/app/src/main.ts:1:1)',
    )
    expect(positionIn(stack)).toMatchObject({ file: '/app/src/mail.ts' })
  })

  test('is none where no frame is in the application', () => {
    for (const stack of ['', 'Error: no', stackOf('Socket.emit (node:events:1:1)'), 'Error: at (/x/y.ts:1:1)'])
      expect(positionIn(stack)).toBeUndefined()
  })
})

describe('the fingerprint', () => {
  const at = (message: string, frame = 'send (/app/src/mail.ts:12:5)', type = TypeError) =>
    exceptionFacts(Object.assign(new type(message), { stack: stackOf(frame) })).fingerprint

  test.each([
    ['ids and numbers', 'user 17 of 0af7651916cd43dd', 'user 4711 of b7ad6b7169203331'],
    ['uuids', 'no 9b2f0c1e-8a44-4a57-9d0f-6d2a1f6f1a11', 'no 1c2f0c1e-8a44-4a57-9d0f-6d2a1f6f1a22'],
    ['quoted texts', 'column "a" of \'t\'', 'column "b c" of \'u\''],
    ['URLs', 'GET https://a.example/x?y=1 failed', 'GET http://b.example failed'],
    ['paths', "ENOENT, open '/a/b.txt'", "ENOENT, open '/c/d/e.txt'"],
    ['bare paths', 'cannot read /var/lib/a.txt', 'cannot read /srv/b.txt'],
    ['addresses', 'no mailbox for ada@example.com', 'no mailbox for bob@mail.example.com'],
  ])('is the same whatever %s a message has', (_, one, two) => {
    expect(at(one)).toBe(at(two))
  })

  test.each([
    ['line', 'send (/app/src/mail.ts:99:1)'],
    ['folder', 'send (/home/u/shop/src/mail.ts:12:5)'],
    ['build', 'send (file:///app/dist/mail.js:3:1)'],
  ])('is the same at another %s', (_, frame) => {
    expect(at('no', frame)).toBe(at('no'))
  })

  test.each<[string, string]>([
    ['message', at('not at all')],
    ['type', at('no', undefined, RangeError)],
    ['function', at('no', 'receive (/app/src/mail.ts:12:5)')],
    ['file', at('no', 'send (/app/src/sms.ts:12:5)')],
    [
      'cause',
      exceptionFacts(
        Object.assign(new TypeError('no', { cause: new RangeError() }), {
          stack: stackOf('send (/app/src/mail.ts:12:5)'),
        }),
      ).fingerprint,
    ],
  ])('is another for another %s', (_, other) => {
    expect(other).not.toBe(at('no'))
  })

  test('holds still: dashboards and tickets keep it', () => {
    const position = { file: '/app/src/mail.ts', line: 1, function: 'send' }
    expect(fingerprint({ types: ['SmtpError', 'Error'], message: 'no mailbox 17', position })).toBe('8ed44f9d123c460d')
  })
})
