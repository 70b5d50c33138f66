/** Gives Jest's `expect` the matchers, and their types: `import 'koa-afterglow/testing/jest'` in a setup file or a test. */
import { expect } from '@jest/globals'
import { matchers, type TaskMatchers } from './matchers.ts'

expect.extend(matchers)

declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends TaskMatchers<R> {}
}

declare global {
  namespace jest {
    interface Matchers<R, T = {}> extends TaskMatchers<R> {}
  }
}
