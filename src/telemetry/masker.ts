/** What stands where a secret was. */
export const MASKED = '[masked]'

/** Names whose value is a secret, as they stand in headers, queries, JSON, connection strings and printed objects. */
const LONG_NAMES =
  'pass(?:word|wd|phrase|code)|secret|token|credentials?|signature|jwt|session[_-]?(?:id|key)|api[_-]?key|' +
  '(?:access|account|auth|client|encryption|master|private|shared|signing|storage|subscription|webhook)[_-]?key'
/** Parts of so many other words that only a word of its own counts. */
const SHORT_NAMES = 'pass|pwd|pw|sid|sig|otp'
const NAME =
  `(?<![\\w-])(?:[\\w-]{0,64}?(?:${LONG_NAMES})|(?:[\\w-]{0,64}[_-])?(?:${SHORT_NAMES}))` +
  `(?:[_-][\\w-]{0,40}|s|id|key|value|hash|confirm(?:ation)?|\\d{1,3})?`
const QUOTE = `(?:\\\\{0,3}["'\`]|%22)`
/** Between name and value, the name perhaps in quotes: `=`, `:`, `=>`, or their percent codes. */
const SEPARATOR = `${QUOTE}?\\s{0,4}(?:=>|=|:|%3D|%3A)\\s{0,4}`
/** Up to the quote that ends it, the way it was opened; one that was cut off ends with its line. */
const QUOTED =
  `(\\\\{1,3}["'\`])(?:(?!\\\\{1,3}["'\`])[^\\r\\n]){0,8192}|(")(?:[^"\\\\\\r\\n]|\\\\[^\\r\\n]){0,8192}|` +
  `(')(?:[^'\\\\\\r\\n]|\\\\[^\\r\\n]){0,8192}|(\`)[^\`\\r\\n]{0,8192}`
const BARE =
  `(?!\\[masked\\]|(?:null|undefined|true|false)(?![\\w-]))` +
  `(?:(?!%26|%22)[^\\s&,;)}\\]"'\`<>]|,(?!\\s)|(?:%22)){1,8192}`

interface Pattern {
  /** Most texts have nothing of the kind; this finds that out fast. */
  readonly maybe: RegExp
  readonly find: RegExp
  /** The groups before what is masked, which stay. */
  readonly keep?: true
}

/*
 * Each pattern starts at places that most positions of a text are not, and looks a bounded way on from there: the time it
 * takes grows with the length of the text and no faster, whatever the text is.
 */
const PATTERNS: readonly Pattern[] = [
  // Private keys, as PEM files have them.
  {
    maybe: /PRIVATE KEY-/,
    find: /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?:(?!-----END)[^]){0,16384}(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----)?/g,
  },
  // Headers whose whole value is a secret: to the end of the quotes, or of the line.
  {
    maybe: /authorization|cookie/i,
    find: new RegExp(
      `(?<![\\w-])((?:proxy-)?authorization|(?:set-)?cookie2?)(${SEPARATOR}|["'],\\s{0,4}(?=["']))(?:${QUOTED}|[^\\r\\n]{1,8192})`,
      'gi',
    ),
    keep: true,
  },
  // The same without its header, but no prose such as "bearer token expired".
  {
    maybe: /bearer|basic|negotiate/i,
    find: /(?<![\w-])(bearer|basic|negotiate)(\s{1,4}|%20)(?!(?:auth\w{0,20}|tokens?|credentials?|schemes?|realm|challenges?|required|headers?|is|was|not|and|or|for|in|of|to|the|a)(?![\w.~+/=-]))[\w.~+/=-]{6,8192}/gi,
    keep: true,
  },
  // Credentials in a URL of whatever scheme, also in one that was cut off. A port is none.
  {
    maybe: /:\/\/[^\s/]{0,1024}@|:\/\/[^\s/]{0,256}:\D/,
    find: /(:\/\/)(?:[^\s/?#@:"'<>[\]]{0,256}:(?!\d{1,5}(?:[/?#\s]|$))(?:[^\s/"'<>]{0,1024}(?=@)|[^\s"'<>]{0,1024}(?=@)|[^\s"'<>]{0,1024}$)|[^\s/?#@:"'<>[\]]{1,256}(?=@))/g,
    keep: true,
  },
  // A name and its value.
  {
    maybe: new RegExp(`${LONG_NAMES}|${SHORT_NAMES}`, 'i'),
    find: new RegExp(`(${NAME})(${SEPARATOR})(?:${QUOTED}|${BARE})`, 'gi'),
    keep: true,
  },
  // What is a secret wherever it stands: JSON Web Tokens, keys of AWS, GitHub, GitLab, Slack, Stripe, Google, npm, SendGrid.
  { maybe: /eyJ/, find: /(?<![\w-])eyJ[\w-]{5,8192}\.[\w-]{2,8192}(?:\.[\w-]{0,8192}){0,3}/g },
  {
    maybe: /A(?:KIA|SIA)|gh[pousr]_|github_pat_|glpat-|xox|[srp]k_|whsec_|sk-|AIza|npm_|SG\./,
    find: /(?<![A-Za-z0-9])(?:A(?:KIA|SIA)[A-Z0-9]{16}|gh[pousr]_\w{20,255}|github_pat_\w{20,255}|glpat-[\w-]{20,255}|xox[a-z]-[\w-]{10,255}|(?:[srp]k_(?:live_|test_)?|whsec_)\w{16,255}|sk-[\w-]{20,255}|AIza[\w-]{35}|npm_\w{36}|SG\.[\w-]{16,64}\.[\w-]{16,64})/g,
  },
]

const EMAILS: Pattern = { maybe: /@/, find: /(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g }

/**
 * Takes out what looks like a secret: authorization values, cookies, credentials in URLs and connection strings, values of
 * names like `password` and `token`, JSON Web Tokens, private keys, and the keys of well-known services. What looks like
 * nothing of the kind stays: "wrong password hunter2" does. Masking twice changes nothing more.
 */
export function mask(text: string, options: { readonly emails?: boolean } = {}): string {
  let masked = text
  for (const pattern of PATTERNS) masked = applied(pattern, masked)
  return options.emails ? applied(EMAILS, masked) : masked
}

function applied({ maybe, find, keep }: Pattern, text: string): string {
  if (!maybe.test(text)) return text
  return keep ? text.replace(find, kept) : text.replace(find, MASKED)
}

/** Of the groups only those before the secret, or its opening quote, took part. */
const kept = (_match: string, ...rest: readonly unknown[]): string =>
  rest.filter((one, index) => typeof one === 'string' && index < rest.length - 2).join('') + MASKED
