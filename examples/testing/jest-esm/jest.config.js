/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  transform: {},
  setupFilesAfterEnv: ['koa-afterglow/testing/jest'],
}
