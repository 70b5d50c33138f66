// Makes dist/: ES modules and declarations by tsc, CommonJS by swc from the same sources. tsc cannot make both, because
// `import.meta` (the thread worker's URL) is an error in its CommonJS output; swc translates it.
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import type { JscConfig } from '@swc/core'
import { transformFileSync } from '@swc/core'

const root = resolve(import.meta.dirname, '..')
const esm = join(root, 'dist/esm')
const cjs = join(root, 'dist/cjs')
// swc's types lag behind its options.
const jsc: JscConfig & { rewriteRelativeImportExtensions: boolean } = {
  parser: { syntax: 'typescript' },
  target: 'es2023',
  rewriteRelativeImportExtensions: true,
}

rmSync(join(root, 'dist'), { recursive: true, force: true })
const tsc = join(root, 'node_modules/typescript/bin/tsc')
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
// tsc has already said what is wrong; a half-made dist/ is of no use to anyone.
if (status !== 0) process.exit(1)

const declarations = globSync('**/*.d.ts', { cwd: esm })
for (const path of declarations) renameExtensions(join(esm, path))

for (const path of globSync('**/*.ts', { cwd: join(root, 'src') })) if (!path.endsWith('.d.ts')) emitCommonJs(path)
// The same declarations serve both formats: a folder's package.json says which format its files are.
for (const path of globSync('**/*.d.ts{,.map}', { cwd: esm })) cpSync(join(esm, path), join(cjs, path))
writeFileSync(
  join(cjs, 'package.json'),
  `${JSON.stringify({ type: 'commonjs', sideEffects: ['./telemetry/otel.js', './testing/jest.js', './testing/vitest.js'] })}\n`,
)
console.log(`dist/: ${declarations.length} modules in both formats`)

function emitCommonJs(path: string): void {
  const from = join(root, 'src', path)
  const to = join(cjs, path.replace(/\.ts$/, '.js'))
  const { code, map } = transformFileSync(from, {
    configFile: false,
    swcrc: false,
    sourceMaps: true,
    sourceFileName: relative(dirname(to), from),
    jsc,
    // The annotation lets an ES module import these files by name, as the library's own `import()` does.
    module: { type: 'commonjs', ignoreDynamic: true, exportInteropAnnotation: true },
  })
  mkdirSync(dirname(to), { recursive: true })
  const name = to.slice(dirname(to).length + 1)
  writeFileSync(to, `${code}\n//# sourceMappingURL=${name}.map\n`)
  writeFileSync(`${to}.map`, map ?? '')
}

/** tsc rewrites `./x.ts` in what it emits as JavaScript, not in declarations. */
function renameExtensions(path: string): void {
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.replaceAll(/(from |import\(|import |module )(['"])(\.\.?\/[^'"]+)\.ts\2/g, '$1$2$3.js$2'))
}
