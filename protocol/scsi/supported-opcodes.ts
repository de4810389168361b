// REPORT SUPPORTED OPERATION CODES parameter data (SPC-4 6.35.2, 6.35.3): the list of all commands, or what one CDB may hold.

import { WireError } from '../wire/error.ts'
import { bits, flag, reserved, u8, u16, u32 } from '../wire/fields.ts'
import { type Decoded, layout } from '../wire/layout.ts'

const ALL_COMMANDS = layout('all_commands parameter data', 'SPC-4 6.35.2', 4, [u32('commandDataLength')])

const COMMAND = layout('command descriptor', 'SPC-4 6.35.2', 8, [
  u8('opcode'),
  reserved(8),
  u16('serviceAction'), // 2-3
  reserved(8),
  reserved(6),
  flag('ctdp'),
  flag('servactv'), // 5
  u16('cdbLength'), // 6-7
])

const ONE_COMMAND = layout('one_command parameter data', 'SPC-4 6.35.3', 4, [
  reserved(8),
  flag('ctdp'),
  reserved(4),
  bits(3, 'support'), // 1
  u16('cdbSize'), // 2-3
])

const TIMEOUTS = layout('command timeouts descriptor', 'SPC-4 6.35.4', 12, [
  u16('descriptorLength', 0x0a),
  reserved(8),
  u8('commandSpecific'), // 3
  u32('nominalSeconds'), // 4-7, NOMINAL COMMAND PROCESSING TIMEOUT
  u32('recommendedSeconds'), // 8-11, RECOMMENDED COMMAND TIMEOUT
])

/** REPORTING OPTIONS of the CDB (SPC-4 table 296). */
export const REPORTING_OPTIONS = {
  ALL_COMMANDS: 0,
  ONE_COMMAND: 1,
  ONE_COMMAND_SERVICE_ACTION: 2,
  ONE_COMMAND_EITHER: 3,
} as const

export const SUPPORT = { NOT_AVAILABLE: 0, NOT_SUPPORTED: 1, STANDARD: 3, VENDOR_SPECIFIC: 5 } as const

export type CommandTimeouts = Decoded<typeof TIMEOUTS>

export interface SupportedCommand {
  readonly opcode: number
  /** Present for a command that has service actions. */
  readonly serviceAction?: number
  readonly cdbLength: number
  /** Present when RCTD asked for them. */
  readonly timeouts?: CommandTimeouts
}

export interface CommandSupport {
  readonly support: number
  /** CDB usage data, as long as the CDB; empty for a command that is not supported. */
  readonly usage: Buffer
  readonly timeouts?: CommandTimeouts
}

export function encodeSupportedCommands(commands: readonly SupportedCommand[]): Buffer {
  const descriptors = commands.flatMap(({ opcode, serviceAction, cdbLength, timeouts }) => [
    COMMAND.encode({
      opcode,
      serviceAction: serviceAction ?? 0,
      servactv: serviceAction !== undefined,
      ctdp: timeouts !== undefined,
      cdbLength,
    }),
    ...encodeTimeouts(timeouts),
  ])
  const body = Buffer.concat(descriptors)
  return Buffer.concat([ALL_COMMANDS.encode({ commandDataLength: body.length }), body])
}

const encodeTimeouts = (timeouts: CommandTimeouts | undefined): Buffer[] =>
  timeouts ? [TIMEOUTS.encode(timeouts)] : []

/** Throws a WireError, with the offset in the whole, when a descriptor is cut or a timeouts descriptor has a wrong length. */
export function decodeSupportedCommands(source: Buffer): SupportedCommand[] {
  const end = ALL_COMMANDS.size + ALL_COMMANDS.decode(source).commandDataLength
  if (end > source.length)
    throw new WireError(ALL_COMMANDS.name, 'commandDataLength', 0, 'truncated', `${source.length} of ${end} bytes`)
  const commands: SupportedCommand[] = []
  for (let at = ALL_COMMANDS.size; at < end; ) {
    if (at + COMMAND.size > end) throw new WireError(COMMAND.name, 'opcode', at, 'truncated')
    const { opcode, serviceAction, servactv, ctdp, cdbLength } = COMMAND.decode(source, at)
    at += COMMAND.size
    const timeouts = ctdp ? decodeTimeouts(source.subarray(0, end), at) : undefined
    if (timeouts) at += TIMEOUTS.size
    commands.push({ opcode, ...(servactv && { serviceAction }), cdbLength, ...(timeouts && { timeouts }) })
  }
  return commands
}

function decodeTimeouts(source: Buffer, at: number): CommandTimeouts {
  if (at + TIMEOUTS.size > source.length) throw new WireError(TIMEOUTS.name, 'descriptorLength', at, 'truncated')
  return TIMEOUTS.decode(source, at)
}

export function encodeCommandSupport({ support, usage, timeouts }: CommandSupport): Buffer {
  const header = ONE_COMMAND.encode({ support, cdbSize: usage.length, ctdp: timeouts !== undefined })
  return Buffer.concat([header, usage, ...encodeTimeouts(timeouts)])
}

/** Throws a WireError when the CDB usage data or the timeouts descriptor are cut. */
export function decodeCommandSupport(source: Buffer): CommandSupport {
  const { support, cdbSize, ctdp } = ONE_COMMAND.decode(source)
  const end = ONE_COMMAND.size + cdbSize
  if (end > source.length) throw new WireError(ONE_COMMAND.name, 'cdbSize', 2, 'truncated', `${cdbSize}`)
  const usage = source.subarray(ONE_COMMAND.size, end)
  return { support, usage, ...(ctdp && { timeouts: decodeTimeouts(source, end) }) }
}
