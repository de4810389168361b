// The nine operations that take or change a lock or a heartbeat, by the mode of the volume: which of them is an ATS, which a SCSI
// reservation, which a plain write. One table; everything that locks asks it (notes on the ESXi host, on-disk locks and ATS).

import { LOCK_IMPLEMENTATION } from '../structures/heartbeat.ts'

export const VOLUME_MODES = ['VMFS3', 'VMFS3 with VAAI', 'ATS-only', 'ATS+SCSI'] as const
/** How a volume is locked: VMFS3 on an array without VAAI and with it, VMFS5 or 6 as formatted, and upgraded or without VAAI. */
export type VolumeMode = (typeof VOLUME_MODES)[number]

/** How a sector is changed so that no other host changes it in between. */
export type Method =
  | 'reservation'
  /** Two hosts on one sector: the loser goes on with a reservation. */
  | 'ATS when uncontended'
  | 'ATS'
  /** The command failing is a failure; a miscompare is not. */
  | 'ATS, on failure reservation'
  | 'plain write'
  | 'ATS, on failure plain write'

type Row = Readonly<Record<VolumeMode, Method>>

/** What every operation but the first two and the beat does. */
const USUAL: Row = {
  ...{ VMFS3: 'reservation', 'VMFS3 with VAAI': 'reservation' },
  ...{ 'ATS-only': 'ATS', 'ATS+SCSI': 'ATS, on failure reservation' },
}
const UNCONTENDED: Row = { ...USUAL, 'VMFS3 with VAAI': 'ATS when uncontended' }

const TABLE = {
  /** An exclusive lock is given back in the way in which it was taken. */
  'acquire lock': UNCONTENDED,
  'upgrade optimistic lock': UNCONTENDED,
  'unlock shared lock': USUAL,
  'acquire heartbeat': USUAL,
  'maintain heartbeat': {
    ...{ VMFS3: 'plain write', 'VMFS3 with VAAI': 'plain write' },
    ...{ 'ATS-only': 'ATS', 'ATS+SCSI': 'ATS, on failure plain write' },
  },
  'clear heartbeat': USUAL,
  'replay heartbeat': USUAL,
  'reclaim heartbeat': USUAL,
  'acquire lock of dead owner': USUAL,
} as const satisfies Record<string, Row>

/** What is no lock and no heartbeat: the sector that says in which mode the volume is. */
const OTHERS = { 'change locking mode': USUAL } as const satisfies Record<string, Row>

export type LockOperation = keyof typeof TABLE
export type SectorOperation = LockOperation | keyof typeof OTHERS
export const LOCK_OPERATIONS = Object.keys(TABLE) as readonly LockOperation[]
export const SECTOR_OPERATIONS: readonly SectorOperation[] = [
  ...LOCK_OPERATIONS,
  ...(Object.keys(OTHERS) as (keyof typeof OTHERS)[]),
]

/**
 * @param heartbeatByAts /VMFS3/UseATSForHBOnVMFS5: false makes the periodic beat, and nothing else, a plain write again
 * @param acceleratedLocking /VMFS3/HardwareAcceleratedLocking: false makes a host lock as if there were no VAAI, which one that
 *   has an ATS-only volume open never does
 */
export function methodOf(
  operation: SectorOperation,
  mode: VolumeMode,
  heartbeatByAts: boolean,
  acceleratedLocking = true,
): Method {
  if (operation === 'maintain heartbeat' && !heartbeatByAts) return 'plain write'
  return { ...TABLE, ...OTHERS }[operation][columnOf(mode, acceleratedLocking)]
}

const columnOf = (mode: VolumeMode, acceleratedLocking: boolean): VolumeMode =>
  acceleratedLocking || mode === 'ATS-only' ? mode : 'VMFS3'

/** What a host says in its heartbeat slot of how it locks. */
export function implementationOf(mode: VolumeMode, acceleratedLocking: boolean): number {
  const column = columnOf(mode, acceleratedLocking)
  if (column === 'ATS-only') return LOCK_IMPLEMENTATION.ats
  return column === 'VMFS3' ? LOCK_IMPLEMENTATION.reservations : LOCK_IMPLEMENTATION.both
}
