// What is loaded only where it is used. By `import()` in both builds: pg-boss is an ES module.
import { MissingPackageError } from '../../core/errors.ts'

export const loadPgBoss = () => load('pg-boss', '12.38.0', () => import('pg-boss'))
export const loadPg = () => load('pg', '8.23.1', () => import('pg'))
export const loadPglite = () => load('@electric-sql/pglite', '0.5.16', () => import('@electric-sql/pglite'))

async function load<M>(name: string, version: string, importIt: () => Promise<M>): Promise<M> {
  try {
    return await importIt()
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(`'${name}'`)) throw cause
    throw new MissingPackageError(`pgBoss needs '${name}': npm install ${name}@${version}`, { cause })
  }
}
