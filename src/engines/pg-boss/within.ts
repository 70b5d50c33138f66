/** Waits until it has settled, at most so long. Never rejects. */
export function settledWithin(ms: number, ...work: readonly Promise<unknown>[]): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    void Promise.allSettled(work).then(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** The same promise, unless it takes longer: then it rejects with what `late` makes. */
export async function within<R>(ms: number, work: Promise<R>, late: () => Error): Promise<R> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(late()), ms)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
