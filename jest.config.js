// Everything runs as ES modules. Imports name `.ts` files, which Jest resolves as any other file; `koa-afterglow` itself
// resolves to src/ by the same export condition that TypeScript and `npm start` use.
const shared = {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['koa-afterglow-source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.cache/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  // Spies of one test must never be seen by the next.
  restoreMocks: true,
}

const slow = ['<rootDir>/test/process/', '<rootDir>/test/integration/']

/** @type {import('jest').Config} */
export default {
  // An open handle is a defect here: a library that leaves a timer behind keeps its user's process alive. So no
  // `forceExit`; `detectOpenHandles` costs too much for every run and is a flag away.
  forceExit: false,
  // For a machine that does much else at the same time; no test waits for time to pass.
  testTimeout: 30_000,
  projects: [
    {
      ...shared,
      displayName: 'fast',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', ...slow],
    },
    { ...shared, displayName: 'process', testMatch: ['<rootDir>/test/process/**/*.test.ts'] },
    { ...shared, displayName: 'integration', testMatch: ['<rootDir>/test/integration/**/*.test.ts'] },
  ],
}
