/* Old syntax on purpose: this file must run, and explain itself, on any Node that npm may have found. */
'use strict'

var needed = 22.18
var parts = process.versions.node.split('.')
var actual = Number(parts[0]) + Number(parts[1]) / 100

if (!(actual >= needed)) {
  console.error(
    'koa-afterglow: this script runs on Node ' +
      process.versions.node +
      ', but the sources need Node 26, which `npm ci` installs as the dev dependency "node": run `npm ci` again without --ignore-scripts, or put Node 26 on the PATH (`nvm use`).',
  )
  process.exit(1)
}
