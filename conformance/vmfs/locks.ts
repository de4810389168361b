// Heartbeats in two slots, and locks that their owners hold, written straight into an image: what a volume looks like while two
// hosts have it open (vmfs-format.md sections 4 and 5).

import { open } from 'node:fs/promises'
import {
  HEARTBEAT,
  HEARTBEAT_OFFSET,
  HEARTBEAT_STATE,
  LOCK_IMPLEMENTATION,
} from '../../src/host/vmfs/structures/heartbeat.ts'
import { encodeLock, LOCK_MODE, type Lock } from '../../src/host/vmfs/structures/lock.ts'
import type { Tools } from '../suites/checks.ts'
import type { VmfsVersion } from './data-set.ts'
import { shown } from './output.ts'
import { READERS, type Volume } from './readers.ts'

const DATA_OFFSET = 0x1100000
const SLOT_BYTES: Readonly<Record<VmfsVersion, number>> = { 5: 512, 6: 4096 }

/** The hosts, by their slots: those that ESXi was seen to take. */
export const HOSTS = [
  { slot: 120, generation: 7n, uuid: '5a0c1d2e-11223344-5566-005056010203' },
  { slot: 984, generation: 991n, uuid: '5a0c1d2f-55667788-99aa-005056040506' },
] as const

/** What each holds: as debugvmfs shows it, by the file's path. */
export const HELD = [
  { path: '/one/entry-13', host: HOSTS[0], mode: LOCK_MODE.exclusive, shown: 'write lock' },
  { path: '/one/two/deep.bin', host: HOSTS[1], mode: LOCK_MODE.multiWriter, shown: '0x3' },
] as const

export const slotOffset = (version: VmfsVersion, slot: number): number => HEARTBEAT_OFFSET + slot * SLOT_BYTES[version]

export async function holdLocks(tools: Tools, { version, images }: Volume): Promise<void> {
  const places: number[] = [] // one after the other: the tools' outputs go to one file
  for (const { path } of HELD) places.push(await lockOffset(tools, version, images[0]!, path))
  const image = await open(images[0]!, 'r+')
  try {
    for (const host of HOSTS) {
      const offset = slotOffset(version, host.slot)
      const fields = {
        ...{
          state: HEARTBEAT_STATE.used,
          offset,
          generation: host.generation,
          stampUs: 123_456_789n,
          owner: host.uuid,
        },
        ...{ lockImplementation: LOCK_IMPLEMENTATION.both, ip: '192.0.2.7' },
      }
      await image.write(HEARTBEAT.encode(fields), 0, HEARTBEAT.size, DATA_OFFSET + offset)
    }
    for (const [index, { host, mode }] of HELD.entries()) {
      const place = DATA_OFFSET + places[index]!
      const lock = Buffer.alloc(512)
      await image.read(lock, 0, lock.length, place)
      await image.write(encodeLock(heldBy(version, host, mode), lock), 0, lock.length, place)
    }
  } finally {
    await image.close()
  }
}

function heldBy(version: VmfsVersion, { slot, generation, uuid }: (typeof HOSTS)[number], mode: number): Partial<Lock> {
  const heartbeatOffset = slotOffset(version, slot)
  const holder = { heartbeatOffset, heartbeatGeneration: generation, host: uuid }
  return {
    ...{ mode, heartbeatOffset, heartbeatGeneration: generation, owner: uuid, token: 5n },
    ...(mode === LOCK_MODE.multiWriter && { holders: [holder] }),
  }
}

/** Where debugvmfs finds the descriptor. */
async function lockOffset(tools: Tools, version: VmfsVersion, image: string, path: string): Promise<number> {
  const output = await tools.run([READERS[version].debug, image, 'show', `inode["${path}"].mdh`])
  return Number(shown(output).get('Position'))
}
