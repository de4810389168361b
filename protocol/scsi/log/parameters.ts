// The values of the log parameters of a disk, page by page.

import { bits, reserved, u8, u32, u64 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'

/** Parameter codes of the Logical Block Provisioning log page (0Ch, SBC-3 6.3): the THRESHOLD RESOURCE of a threshold. */
export const PROVISIONING_PARAMETER = { AVAILABLE: 0x0001, USED: 0x0002 } as const

/** SCOPE: whom the count is about. */
export const RESOURCE_SCOPE = { NOT_REPORTED: 0, DEDICATED: 1, SHARED: 2 } as const

/** Parameters 0001h and 0002h, in threshold sets of 2^(threshold exponent of VPD page B2h) blocks. */
export const RESOURCE_COUNT = layout('LBA mapping resource count', 'SBC-3 6.3', 8, [
  u32('resourceCount'), // 0-3
  reserved(6),
  bits(2, 'scope'), // 4
  reserved(24),
])

export const TEMPERATURE_PARAMETER = { TEMPERATURE: 0x0000, REFERENCE: 0x0001 } as const
/** In place of a temperature that nothing measures. */
export const TEMPERATURE_NOT_AVAILABLE = 0xff

/** Temperature log page (0Dh), both parameters. */
export const TEMPERATURE = layout('temperature', 'SPC-4 7.3', 2, [reserved(8), u8('celsius')])

export const START_STOP_PARAMETER = {
  ACCUMULATED_START_STOP_CYCLES: 0x0004,
  ACCUMULATED_LOAD_UNLOAD_CYCLES: 0x0006,
} as const

/** Start-Stop Cycle Counter log page (0Eh), both parameters. */
export const CYCLE_COUNT = layout('cycle count', 'SPC-4 7.3', 4, [u32('cycles')])

/** General Statistics and Performance log page (19h/00h). */
export const STATISTICS_PARAMETER = { ACCESS: 0x0001, IDLE_TIME: 0x0002, TIME_INTERVAL: 0x0003 } as const

/** Parameter 0001h. The intervals have the length that parameter 0003h says. */
export const STATISTICS = layout('general access statistics and performance', 'SPC-4 7.3', 64, [
  u64('readCommands'),
  u64('writeCommands'), // 8-15
  u64('blocksReceived'),
  u64('blocksTransmitted'), // 24-31
  u64('readIntervals'),
  u64('writeIntervals'), // 40-47
  u64('weightedCommands'),
  u64('weightedIntervals'), // 56-63
])

export const IDLE_TIME = layout('idle time', 'SPC-4 7.3', 8, [u64('idleIntervals')])

/** An interval is INTEGER times ten to the power of minus EXPONENT seconds. */
export const TIME_INTERVAL = layout('time interval descriptor', 'SPC-4 7.3', 8, [u32('exponent'), u32('integer')])

export const EXCEPTIONS_PARAMETER = 0x0000

/** Informational Exceptions log page (2Fh), parameter 0000h: what the device server would tell, and the temperature. */
export const EXCEPTIONS = layout('informational exceptions', 'SPC-4 7.3', 4, [
  u8('asc'),
  u8('ascq'),
  u8('celsius'), // 2, MOST RECENT TEMPERATURE READING
  u8('tripCelsius'), // vendor-specific; by custom the temperature at which a drive warns
])
