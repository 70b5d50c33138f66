// The engines that can be killed on: how their store is started, and how a process opens it. One entry each.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bullmq } from 'koa-afterglow/bullmq'
import { pgBoss } from 'koa-afterglow/pg-boss'
import type { Engine } from '../../src/core/engine.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { RedisServer } from '../../test/support/redis.ts'

export interface KillStore {
  /** Given to each process, which makes its engine of it. */
  readonly address: string
  close(): Promise<void>
}

export interface KillSubject {
  /** An embedded store has one process that adds and works; others have one that adds and two that work. */
  readonly roles: readonly Role[]
  /** How long a process is let be, at most: some of it goes by before the first statements of an embedded store. */
  readonly longestLifeMs: number
  open(): Promise<KillStore>
  engine(address: string, claimTimeoutMs: number): Engine
}

export type Role = 'adds' | 'works' | 'does both'

const APART: readonly Role[] = ['adds', 'works', 'works']

export const SUBJECTS: Readonly<Record<string, KillSubject>> = {
  pglite: {
    roles: ['does both'],
    longestLifeMs: 5_000,
    open() {
      const folder = mkdtempSync(join(tmpdir(), 'afterglow-kills-'))
      const close = () => Promise.resolve(rmSync(folder, { recursive: true, force: true }))
      return Promise.resolve({ address: join(folder, 'data'), close })
    },
    engine: (pglite, claimTimeoutMs) => pgBoss({ pglite, claimTimeoutMs }),
  },
  postgres: {
    roles: APART,
    longestLifeMs: 1_500,
    async open() {
      const { connectionString, stop } = await startPostgres()
      return { address: connectionString, close: stop }
    },
    engine: (connectionString, claimTimeoutMs) => pgBoss({ connectionString, claimTimeoutMs }),
  },
  redis: {
    roles: APART,
    longestLifeMs: 1_500,
    async open() {
      const server = await RedisServer.start()
      return { address: server.url, close: () => server[Symbol.asyncDispose]() }
    },
    engine: (connection, claimTimeoutMs) => bullmq({ connection, claimTimeoutMs }),
  },
}
