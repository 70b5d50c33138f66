// What the examples of docs/shutdown.md and docs/services.md take for granted.
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'

export const logger = pino({ base: null, timestamp: false }, pino.destination({ fd: 1, sync: true }))
export const readyDelayMs = Number(process.env['READY_DELAY_MS'] ?? 0)
export const database = { end: async () => logger.info('database ended') }
export const welcome = () => sleep(100)
