// Sums the runners' own reports: `node scripts/sum-reports.cjs FOLDER` prints "N passed, N failed, N skipped".
// Each *.jest.json is a Jest report; each *.check holds "passed", "failed" or "skipped" of one other step.
'use strict'

const { readFileSync, readdirSync } = require('node:fs')
const { join } = require('node:path')

const folder = process.argv[2]
const sum = { passed: 0, failed: 0, skipped: 0 }

for (const name of readdirSync(folder)) {
  const text = () => readFileSync(join(folder, name), 'utf8')
  if (name.endsWith('.jest.json')) addJest(JSON.parse(text()))
  else if (name.endsWith('.check')) sum[text().trim()]++
}

console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ''}`)
process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0

function addJest(report) {
  sum.passed += report.numPassedTests
  // A suite that could not even load has no failed test, but it has failed.
  sum.failed += report.numFailedTests + report.numRuntimeErrorTestSuites
  sum.skipped += report.numPendingTests + report.numTodoTests
}
