// The bounds of an array that its operator may set: keys with their units. The defaults, and the bounds that nobody sets, are
// in src/target/limits.ts.

import { LIMITS } from '../target/limits.ts'
import { mapping, size, whole } from './fields.ts'

const KIB = 1024
const MIB = 1024 * KIB
/** What is counted here has a number of sixteen bits somewhere: TSIH, ports. */
const MAX_COUNT = 65_535
const HOUR = 3600

const seconds = (defaultMs: number) => whole(1, HOUR).default(defaultMs / 1000)

export const arrayLimits = mapping({
  connections: whole(1, MAX_COUNT).default(LIMITS.connections),
  connectionsPerAddress: whole(1, MAX_COUNT).default(LIMITS.connectionsPerAddress),
  connectionsBeforeLogin: whole(1, MAX_COUNT).default(LIMITS.connectionsBeforeLogin),
  sessions: whole(1, MAX_COUNT).default(LIMITS.sessions),
  sessionsPerInitiator: whole(1, MAX_COUNT).default(LIMITS.sessionsPerInitiator),
  loginSeconds: seconds(LIMITS.loginTimeoutMs),
  negotiationText: size(LIMITS.loginDataSegmentLength, MIB, '8KiB to 1MiB').default(LIMITS.negotiationTextLength),
  commandWindow: whole(1, 4096).default(LIMITS.commandWindow),
  tasksPerSession: whole(1, 8192).default(LIMITS.tasksPerSession),
  outputPerConnection: size(MIB, 1024 * MIB, '1MiB to 1GiB').default(LIMITS.outputPerConnection),
  inputPerConnection: size(2 * MIB, 1024 * MIB, '2MiB to 1GiB').default(LIMITS.inputPerConnection),
  buffers: size(16 * MIB, 64 * 1024 * MIB, '16MiB to 64GiB').default(LIMITS.bufferBytes),
  pingAfterSeconds: seconds(LIMITS.pingAfterMs),
  pingAnswerSeconds: seconds(LIMITS.pingAnswerMs),
  dataOutSeconds: seconds(LIMITS.dataOutTimeoutMs),
}).superRefine(({ commandWindow, tasksPerSession }, context) => {
  if (tasksPerSession < commandWindow)
    context.addIssue({
      code: 'custom',
      path: ['tasksPerSession'],
      message: `at least commandWindow, ${commandWindow} (immediate commands come on top of the window)`,
    })
})

export const SIZES = ['negotiationText', 'outputPerConnection', 'inputPerConnection', 'buffers'] as const
