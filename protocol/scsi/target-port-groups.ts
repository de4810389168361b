// REPORT and SET TARGET PORT GROUPS parameter data (SPC-4 6.37, 6.45): through which ports a logical unit can be reached, and
// how well.

import { WireError } from '../wire/error.ts'
import { bits, flag, ignored, reserved, u8, u16, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'

const LENGTH = layout('REPORT TARGET PORT GROUPS parameter data', 'SPC-4 6.37', 4, [u32('returnDataLength')])

const EXTENDED = layout('extended REPORT TARGET PORT GROUPS parameter data', 'SPC-4 6.37', 8, [
  u32('returnDataLength'),
  reserved(1),
  bits(3, 'formatType', 1),
  reserved(4), // 4
  u8('implicitTransitionTime'), // in seconds
  reserved(16),
])

const GROUP = layout('target port group descriptor', 'SPC-4 6.37', 8, [
  flag('preferred'),
  reserved(3),
  bits(4, 'state'), // 0, ASYMMETRIC ACCESS STATE
  flag('transitioning'),
  flag('offline'),
  reserved(1),
  flag('lbaDependent'),
  flag('unavailable'),
  flag('standby'),
  flag('activeNonOptimized'),
  flag('activeOptimized'), // 1, the states that it can have
  u16('group'), // 2-3, TARGET PORT GROUP
  reserved(8),
  u8('statusCode'), // 5
  ignored(8),
  u8('portCount'), // 7
])

const PORT = layout('target port descriptor', 'SPC-4 6.37', 4, [ignored(16), u16('relativePort')])

const SET_HEADER_BYTES = 4

const SET = layout('set target port group descriptor', 'SPC-4 6.45', 4, [
  reserved(4),
  bits(4, 'state'), // 0
  reserved(8),
  u16('group'), // 2-3
])

/** ASYMMETRIC ACCESS STATE (SPC-4 table 310). */
export const ACCESS_STATE = {
  ACTIVE_OPTIMIZED: 0x0,
  ACTIVE_NON_OPTIMIZED: 0x1,
  STANDBY: 0x2,
  UNAVAILABLE: 0x3,
  LBA_DEPENDENT: 0x4,
  OFFLINE: 0xe,
  TRANSITIONING: 0xf,
} as const

/** STATUS CODE (SPC-4 table 311): how a group came to its state. */
export const ACCESS_STATUS = { NONE: 0, SET: 1, IMPLICIT: 2 } as const

/** PARAMETER DATA FORMAT of the CDB (SPC-4 table 307). */
export const PORT_GROUPS_FORMAT = { LENGTH_ONLY: 0, EXTENDED: 1 } as const

export interface TargetPortGroup {
  readonly group: number
  readonly state: number
  readonly preferred: boolean
  readonly statusCode: number
  /** States that the group can have. */
  readonly supported: readonly number[]
  /** Relative target port identifiers. */
  readonly ports: readonly number[]
}

export interface SetTargetPortGroup {
  readonly group: number
  readonly state: number
}

/** The bit of the descriptor that says that a group can have the state. */
const SUPPORT_BITS = {
  [ACCESS_STATE.TRANSITIONING]: 'transitioning',
  [ACCESS_STATE.OFFLINE]: 'offline',
  [ACCESS_STATE.LBA_DEPENDENT]: 'lbaDependent',
  [ACCESS_STATE.UNAVAILABLE]: 'unavailable',
  [ACCESS_STATE.STANDBY]: 'standby',
  [ACCESS_STATE.ACTIVE_NON_OPTIMIZED]: 'activeNonOptimized',
  [ACCESS_STATE.ACTIVE_OPTIMIZED]: 'activeOptimized',
} as const

export function encodeTargetPortGroups(groups: readonly TargetPortGroup[], format: number): Buffer {
  const body = Buffer.concat(groups.flatMap(encodeGroup))
  const header = format === PORT_GROUPS_FORMAT.EXTENDED ? EXTENDED : LENGTH
  return Buffer.concat([header.encode({ returnDataLength: header.size - LENGTH.size + body.length }), body])
}

function encodeGroup({ supported, ports, ...rest }: TargetPortGroup): Buffer[] {
  const names = supported.map((state) => SUPPORT_BITS[state as keyof typeof SUPPORT_BITS])
  const can = Object.fromEntries(names.map((name) => [name, true]))
  return [
    GROUP.encode({ ...rest, ...can, portCount: ports.length }),
    ...ports.map((relativePort) => PORT.encode({ relativePort })),
  ]
}

/** Throws a WireError, with the offset in the whole, when a descriptor is cut. */
export function decodeTargetPortGroups(source: Buffer, format: number): TargetPortGroup[] {
  const header = format === PORT_GROUPS_FORMAT.EXTENDED ? EXTENDED : LENGTH
  const end = LENGTH.size + header.decode(source).returnDataLength
  if (end > source.length) throw new WireError(LENGTH.name, 'returnDataLength', 0, 'truncated', `${source.length}`)
  const groups: TargetPortGroup[] = []
  for (let at = header.size; at < end; ) {
    if (at + GROUP.size > end) throw new WireError(GROUP.name, 'group', at, 'truncated')
    const { group, state, preferred, statusCode, portCount, ...can } = GROUP.decode(source, at)
    at += GROUP.size
    if (at + PORT.size * portCount > end) throw new WireError(GROUP.name, 'portCount', at - 1, 'truncated')
    const ports = Array.from({ length: portCount }, (_, i) => PORT.decode(source, at + PORT.size * i).relativePort)
    at += PORT.size * portCount
    const states = Object.values(ACCESS_STATE).filter((s) => can[SUPPORT_BITS[s]])
    groups.push({ group, state, preferred, statusCode, supported: states, ports })
  }
  return groups
}

export const encodeSetTargetPortGroups = (groups: readonly SetTargetPortGroup[]): Buffer =>
  Buffer.concat([Buffer.alloc(SET_HEADER_BYTES), ...groups.map((group) => SET.encode(group))])

/** Where a descriptor stands in the list, for field pointers. */
export const setTargetPortGroupOffset = (index: number): number => SET_HEADER_BYTES + SET.size * index

/** Throws a WireError when the header or a descriptor is cut. */
export function decodeSetTargetPortGroups(source: Buffer): SetTargetPortGroup[] {
  const groups: SetTargetPortGroup[] = []
  const whole = source.length >= SET_HEADER_BYTES && (source.length - SET_HEADER_BYTES) % SET.size === 0
  if (!whole) throw new WireError('SET TARGET PORT GROUPS parameter list', 'group', source.length, 'truncated')
  for (let at = SET_HEADER_BYTES; at < source.length; at += SET.size) groups.push(SET.decode(source, at))
  return groups
}
