import { describe, expect, test } from '@jest/globals'
import { exceptionFacts } from '../../src/telemetry/exceptions.ts'
import { mask } from '../../src/telemetry/masker.ts'

const S = 'hunter2-c0rrect'

/** What the patterns start with, and what they look for from there. */
// oxfmt-ignore
const UNITS = [
  'a', 'a-', '.', '\\', '"', '://', '://:a@', '://a:', 'eyJ', 'eyJ-', 'eyJaaaaa.', 'password', 'password=', 'pass_', 'password="', 'password=\\"', '%22password', 'authorization:', 'cookie: "', 'bearer ', 'a.a@', 'a@a.', 'A-pass', '-----BEGIN PRIVATE KEY-----', 'sk_', 'AKIA', 'api-', ' (', 'at (', 'at a:1:',
]

describe('the default masker', () => {
  test.each<[string, string, string]>([
    ['a bearer token', `got 401 with Bearer ${S} there`, 'got 401 with Bearer [masked] there'],
    ['basic credentials', `Basic ${S}==`, 'Basic [masked]'],
    ['an authorization header', `authorization: Digest username="u", response="${S}"`, 'authorization: [masked]'],
    ['one in JSON', `{"authorization":"Bearer ${S}","host":"h"}`, '{"authorization":"[masked]","host":"h"}'],
    ['one in a printed object', `{ Authorization: 'Bearer ${S}', a: 1 }`, `{ Authorization: '[masked]', a: 1 }`],
    ['one in raw headers', `[ 'Authorization', 'x ${S}', 'Host' ]`, `[ 'Authorization', '[masked]', 'Host' ]`],
    ['a cookie', `Set-Cookie: id=${S}; Path=/`, 'Set-Cookie: [masked]'],
    ['credentials in a URL', `GET https://me:${S}@host/p?a=1`, 'GET https://[masked]@host/p?a=1'],
    ['a password with an @', `postgres://me:p@${S}@db:5432/n`, 'postgres://[masked]@db:5432/n'],
    ['a password alone', `redis://:${S}@cache:6379/0`, 'redis://[masked]@cache:6379/0'],
    ['a user alone', `https://${S}@github.com/o/r`, 'https://[masked]@github.com/o/r'],
    ['a URL cut off in its password', `connect postgres://me:${S}`, 'connect postgres://[masked]'],
    ['a connection string', `Server=db;Password=${S};Database=n`, 'Server=db;Password=[masked];Database=n'],
    ['a storage key', `AccountName=n;AccountKey=${S}==;End`, 'AccountName=n;AccountKey=[masked];End'],
    ['a query string', `/cb?code=1&access_token=${S}&state=2`, '/cb?code=1&access_token=[masked]&state=2'],
    ['an encoded query string', `a%3D1%26password%3D${S}%26b`, 'a%3D1%26password%3D[masked]%26b'],
    ['a field of JSON', `{"dbPassword": "${S}\\"${S}", "n": 1}`, '{"dbPassword": "[masked]", "n": 1}'],
    ['JSON within JSON', `{\\"secret\\":\\"${S} ${S}\\",\\"n\\":1}`, '{\\"secret\\":\\"[masked]\\",\\"n\\":1}'],
    ['a printed object', `{ user: 'u', pass: '${S}' }`, `{ user: 'u', pass: '[masked]' }`],
    ['a header of a key', `x-api-key: ${S}`, 'x-api-key: [masked]'],
    ['an environment variable', `DB_PASSWORD=${S} node app`, 'DB_PASSWORD=[masked] node app'],
    ['a JSON Web Token', `jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${S} expired`, 'jwt [masked] expired'],
    ['a key of AWS', 'key AKIAIOSFODNN7EXAMPLE is gone', 'key [masked] is gone'],
    ['a token of GitHub', 'ghp_16C7e42F292c6912E7710c838347Ae178B4a', '[masked]'],
    ['a private key', `-----BEGIN PRIVATE KEY-----\n${S}\n-----END PRIVATE KEY-----\nnext`, '[masked]\nnext'],
    ['a private key cut off', `-----BEGIN RSA PRIVATE KEY-----\n${S}`, '[masked]'],
  ])('takes out %s', (_, text, masked) => {
    expect(mask(text)).toBe(masked)
    expect(mask(masked)).toBe(masked)
  })

  test.each([
    'Unexpected token } in JSON at position 3',
    'bearer token expired',
    'Basic authentication failed',
    'connect ECONNREFUSED 127.0.0.1:5432',
    'GET http://localhost:3000/users/@me failed',
    'secretary: Ann, passenger: Bob',
    'token: undefined',
    'at secret (/app/src/password.ts:12:5)',
    'duplicate key value violates unique constraint "users_email_key"',
  ])('leaves alone: %s', (text) => {
    expect(mask(text)).toBe(text)
  })

  test('takes out e-mail addresses by option only', () => {
    const text = 'no mailbox for ada.lovelace+news@mail.example.com here'
    expect(mask(text)).toBe(text)
    expect(mask(text, { emails: true })).toBe('no mailbox for [masked] here')
  })

  test('takes out a secret that the cap of a message cuts in two', () => {
    const github = '16C7e42F292c6912E7710c838347Ae178B4a'
    for (let before = 950; before < 1_024; before++)
      for (const [secret, around] of [
        [S, `postgres://me:${S}@db/n`],
        [github, `ghp_${github}`],
      ] as const) {
        const { message } = exceptionFacts(new Error(`${'x'.repeat(before)} ${around}`))
        for (let length = 4; length <= secret.length; length++) expect(message).not.toContain(secret.slice(0, length))
      }
  })

  // Each is far more work than the ten seconds that a test has, for a pattern that looks at a position more than once.
  test.each(UNITS)('takes time in proportion to the text: a megabyte of %j', (unit) => {
    for (const separator of ['', ' ', '\n']) {
      const text = (unit + separator).repeat(1_000_000 / (unit.length + separator.length))
      const error = Object.assign(new Error(text), { stack: text })
      expect(exceptionFacts(error).stacktrace.length).toBeLessThanOrEqual(16_384)
    }
    mask(unit.repeat(200_000 / unit.length), { emails: true })
  })
})
