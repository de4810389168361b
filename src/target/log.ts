// What the target needs of a logger: pino's, or a child of it that carries the I_T nexus.

import type { Logger } from '../log.ts'

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'isLevelEnabled'>
