import { describe, expect, test } from '@jest/globals'
import { compose, type Layer } from '../../src/core/compose.ts'
import { gate } from '../support/runner.ts'

type Trail = string[]
const noting =
  (name: string): Layer<Trail> =>
  async (trail, next) => {
    trail.push(`${name} in`)
    await next()
    trail.push(`${name} out`)
  }
const innermost = (trail: Trail) => void trail.push('handler')
const run = async (layers: readonly Layer<Trail>[], inner: (trail: Trail) => void | Promise<void> = innermost) => {
  const trail: Trail = []
  await compose(layers, inner)(trail)
  return trail
}

describe('compose', () => {
  test('layers run from the outside in and back out', async () => {
    expect(await run([noting('a'), noting('b')])).toEqual(['a in', 'b in', 'handler', 'b out', 'a out'])
  })

  test('without layers the innermost function runs as it is, synchronously', () => {
    const trail: Trail = []
    expect(compose([], innermost)(trail)).toBeUndefined()
    expect(trail).toEqual(['handler'])
  })

  test('what the innermost throws goes through every layer that does not catch it', async () => {
    const boom = new Error('boom')
    const layers = [noting('a'), noting('b')]
    const trail: Trail = []
    const composed = compose(layers, () => {
      throw boom
    })
    await expect(Promise.resolve(composed(trail))).rejects.toBe(boom)
    expect(trail).toEqual(['a in', 'b in'])
  })

  test('a layer may end the descent by not calling next', async () => {
    expect(await run([noting('a'), (trail) => void trail.push('stop')])).toEqual(['a in', 'stop', 'a out'])
  })

  test.each(['development', 'production'])(
    'a second next() is an error and runs nothing again, in %s too',
    async (mode) => {
      const before = process.env['NODE_ENV']
      process.env['NODE_ENV'] = mode
      try {
        let runs = 0
        const twice: Layer<Trail> = async function twice(_, next) {
          await next()
          await next()
        }
        const composed = compose([twice], () => void runs++)
        await expect(Promise.resolve(composed([]))).rejects.toMatchObject({
          code: 'ERR_AFTERGLOW_NEXT',
          message: expect.stringContaining('twice called next() twice'),
        })
        expect(runs).toBe(1)
      } finally {
        process.env['NODE_ENV'] = before
      }
    },
  )

  test('a next() nobody awaits is an error, told only once what it started has ended', async () => {
    const work = gate()
    const trail: Trail = []
    const floating: Layer<Trail> = function floating(_, next) {
      void next()
    }
    const result = Promise.resolve(compose([floating], () => work.promise)(trail)).catch((error: unknown) => {
      trail.push('told')
      return error
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(trail).toEqual([])
    work.resolve()
    expect(await result).toMatchObject({ code: 'ERR_AFTERGLOW_NEXT', message: expect.stringContaining('await it') })
  })

  test('when what a floating next() started fails, that failure is what comes out, and nothing floats', async () => {
    const floating: Layer<Trail> = (_, next) => void next()
    const composed = compose([floating], () => Promise.reject(new TypeError('below')))
    await expect(Promise.resolve(composed([]))).rejects.toThrow('below')
  })
})
