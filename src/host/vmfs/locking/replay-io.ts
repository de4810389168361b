// The volume as a replay writes to it: what may not leave any more is not sent later either, since by then another host may replay
// the journal, or its owner be back. What a host writes for itself waits for its heartbeat instead.

import { type Clock, delay } from '../../clock.ts'
import { ReservationConflictError } from '../../command-error.ts'
import { type IoLimits, isShared } from '../../shared-device.ts'
import type { LogicalVolume } from '../logical-volume.ts'
import type { VolumeIo } from '../transaction.ts'
import type { LockingSettings } from './settings.ts'

/** One command, of which every device takes as much; the parts of a volume that lie on one device are multiples of it. */
const PIECE_BYTES = 64 * 1024

export function replayIo(
  volume: LogicalVolume,
  limits: IoLimits,
  { conflictRetries, conflictWaitMs }: LockingSettings,
  clock: Clock,
): VolumeIo {
  async function writePiece(at: number, data: Buffer): Promise<void> {
    const { device, offset } = volume.place(at)
    if (!isShared(device)) return await device.write(offset, data)
    for (let retries = 0; ; retries++)
      try {
        return await device.writeNow(offset, data, limits)
      } catch (error) {
        if (!(error instanceof ReservationConflictError) || retries >= conflictRetries) throw error
        await delay(clock, conflictWaitMs)
      }
  }
  return {
    read: (offset, length) => volume.read(offset, length),
    async write(offset, data) {
      for (let from = 0; from < data.length; ) {
        const length = Math.min(PIECE_BYTES - ((offset + from) % PIECE_BYTES), data.length - from)
        await writePiece(offset + from, data.subarray(from, from + length))
        from += length
      }
    },
    flush: () => volume.flush(),
  }
}
