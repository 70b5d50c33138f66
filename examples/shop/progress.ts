import { styleText } from 'node:util'

const WIDTH = 40

/** One line that fills up, redrawn in place; where nothing can be redrawn, such as a pipe, only the last. */
export function drawProgress(done: number, total: number): void {
  const filled = Math.round((done / total) * WIDTH)
  const bar = styleText('cyan', '█'.repeat(filled)) + styleText('dim', '░'.repeat(WIDTH - filled))
  const line = `${bar}  ${done} of ${total} requests`
  if (process.stdout.isTTY) process.stdout.write(`\r${line}`)
  else if (done === total) process.stdout.write(line)
}
