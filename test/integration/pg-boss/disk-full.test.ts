// A disk that is really full: the tables of pg-boss are on a file system of a few megabytes, where one can be mounted.
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { pgBoss } from 'koa-afterglow/pg-boss'
import { envelope } from '../../../src/testing/engine-conformance/bench.ts'
import { Workers } from '../../support/engine-workers.ts'
import { startPostgres, type PostgresServer } from '../../support/postgres.ts'

jest.setTimeout(60_000)

const disk = mkdtempSync(join(tmpdir(), 'afterglow-disk-'))
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk], { encoding: 'utf8' })
const why = mounted.status === 0 ? undefined : `no file system can be mounted: ${mounted.stderr ?? mounted.error}`
if (why !== undefined) process.stderr.write(`skipped ${import.meta.filename}: ${why}\n`)
const onDisk = why === undefined ? describe : describe.skip

const large = () => envelope({ input: randomBytes(200_000).toString('base64') })

onDisk('a full disk', () => {
  let server: PostgresServer
  const workers = new Workers()

  beforeAll(async () => {
    server = await startPostgres()
    chmodSync(disk, 0o700)
    // Owned by whom the server runs as.
    execFileSync('chown', ['postgres', disk])
    await server.query(`CREATE TABLESPACE tiny LOCATION '${disk}'`)
  })
  afterAll(async () => {
    await workers.stop()
    await server.stop()
    execFileSync('umount', [disk])
    rmSync(disk, { recursive: true, force: true })
  })

  test('refuses adds in words, and takes them again once there is room; what was acknowledged runs', async () => {
    const { connectionString } = server
    const engine = pgBoss({ connectionString, pool: { options: '-c default_tablespace=tiny' } })
    const worker = await workers.start(engine, { concurrency: 0 })
    await server.query('CREATE TABLE filler (bytes text) TABLESPACE tiny')
    const fill = () =>
      server.query("INSERT INTO filler SELECT string_agg(md5(i::text), '') FROM generate_series(1, 20000) i")
    await expect(
      (async () => {
        for (;;) await fill()
      })(),
    ).rejects.toMatchObject({ code: '53100' })
    const acknowledged: string[] = []
    const addAll = async () => {
      for (;;) {
        const one = large()
        await engine.enqueue([one])
        acknowledged.push(one.record.id)
      }
    }
    await expect(addAll()).rejects.toThrow('the disk of the store is full')
    await server.query('DROP TABLE filler')
    const after = large()
    await engine.enqueue([after])
    worker.admit(10)
    await worker.ran(acknowledged.length + 1)
    expect(worker.ids.toSorted()).toEqual([...acknowledged, after.record.id].toSorted())
  })
})
