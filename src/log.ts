// Logs: lines for people on a terminal, JSON for programs otherwise. They go to stderr: stdout belongs to what a command
// prints. Who logs for an I_T nexus or a task makes a child logger that carries its names.

import { type DestinationStream, type Logger, pino } from 'pino'
import { prettyFactory } from 'pino-pretty'

export type { Logger } from 'pino'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What a log is written to: a standard stream, or a test's. */
export interface LogStream {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** Each line is written before the call that logs it returns, so that it stands in order with what else is printed. */
export function createLogger(level: LogLevel, stream: LogStream, color: boolean): Logger {
  const formatters = { level: (label: string) => ({ level: label }) }
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters }
  return pino(options, stream.isTTY === true ? prettily(stream, color) : { write: (line) => void stream.write(line) })
}

/** A library keeps quiet unless it is given a logger. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' }, { write: () => {} })
}

function prettily(stream: LogStream, colorize: boolean): DestinationStream {
  const format = prettyFactory({ colorize, singleLine: true, translateTime: 'SYS:HH:MM:ss.l' })
  return { write: (line) => void stream.write(format(line)) }
}
