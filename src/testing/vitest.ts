/** Gives Vitest's `expect` the matchers, and their types: `import 'koa-afterglow/testing/vitest'` in a setup file or a test. */
import { expect } from 'vitest'
import { matchers, type TaskMatchers } from './matchers.ts'

expect.extend(matchers)

declare module 'vitest' {
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> extends TaskMatchers<R> {}
}
