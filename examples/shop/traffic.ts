/** One request of the demo's mix. */
export interface Sample {
  readonly label: string
  readonly path: string
  /** How often, compared to the others. */
  readonly weight: number
  readonly body?: () => unknown
}

const NAMES = ['ada', 'grace', 'linus', 'barbara', 'dennis', 'margaret', 'zoë']
const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)] as T

const user = () => {
  const username = pick(NAMES)
  return { username, email: `${username.normalize('NFD').replace(/[^a-z]/g, '')}@example.com` }
}

export const MIX: readonly Sample[] = [
  { label: 'register', path: '/register', weight: 40, body: user },
  { label: 'order', path: '/order', weight: 30, body: () => ({ orderId: 1 + Math.floor(Math.random() * 999) }) },
  { label: 'flaky task', path: '/flaky-task', weight: 12 },
  { label: 'failing task', path: '/failing-task', weight: 4 },
  { label: 'complex task', path: '/complex-task', weight: 4 },
  {
    label: 'address that bounces',
    path: '/register',
    weight: 3,
    body: () => ({ ...user(), email: 'x@bounce.example' }),
  },
  { label: 'bad body', path: '/register', weight: 4, body: () => ({ username: '', email: 'nobody' }) },
  { label: 'unknown route', path: '/nowhere', weight: 3 },
]

export function nextSample(mix: readonly Sample[] = MIX): Sample {
  const total = mix.reduce((sum, { weight }) => sum + weight, 0)
  let rest = Math.random() * total
  return mix.find(({ weight }) => (rest -= weight) < 0) ?? (mix[0] as Sample)
}
