// A heartbeat slot (notes, 4): one for each host that has the volume open. The fields stand in the first 512 bytes of a
// slot of 512 bytes (VMFS5) or 4096 (VMFS6); the slots start at 3 MiB of the volume.

import { size64, structure, text, u8, u32, u64 } from './structure.ts'
import { uuid } from './uuid.ts'

export const HEARTBEAT_OFFSET = 0x300000

export const HEARTBEAT_STATE = { free: 0xabcdef01, used: 0xabcdef02 } as const
/** In which way a host takes locks: ESXi was seen to write 3. */
export const LOCK_IMPLEMENTATION = { reservations: 1, ats: 2, both: 3 } as const

export const HEARTBEAT = structure('heartbeat slot', 512, {
  state: u32(0x00),
  /** Its own offset in the volume. */
  offset: size64(0x04),
  generation: u64(0x0c),
  /** Microseconds of the host's uptime. */
  stampUs: u64(0x14),
  owner: uuid(0x1c),
  journalAddress: u32(0x2c),
  driverMajor: u32(0x30),
  driverMinor: u8(0x34),
  lockImplementation: u8(0x35),
  ip: text(46)(0x36),
  journalOffset: size64(0x64),
  replayHost: uuid(0x6c),
  replayHeartbeat: size64(0x94),
  replayGeneration: u64(0x9c),
})
