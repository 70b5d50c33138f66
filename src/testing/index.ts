/** What applications use in their tests. */
export { manualClock, type ManualClock } from './manual-clock.ts'
