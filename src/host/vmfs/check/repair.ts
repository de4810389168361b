// Repairs a volume: finishes what hosts that are gone have begun, then mends what the checker finds. What it takes to open a volume
// for writing is mended first, sector by sector without a journal, where it is that which is damaged.

import type { BlockDevice } from '../../block-device.ts'
import { isShared } from '../../shared-device.ts'
import { VmfsError } from '../errors.ts'
import { isEndedProcess } from '../host-identity.ts'
import { requireAlone } from '../host-session.ts'
import type { PeerWatch } from '../locking/peer-watch.ts'
import { watchSilence } from '../shared-recovery.ts'
import type { SharedOptions } from '../shared-session.ts'
import type { TransactionLog } from '../transaction.ts'
import { openVolume } from '../volume.ts'
import { cachedIo, openForWriting, type WritableVolume } from '../writable-volume.ts'
import { Writing } from '../writing.ts'
import { type CheckOptions, mendHeartbeats, mendVolume } from './check.ts'
import { heartbeatsInUse } from './heartbeats.ts'
import type { Finding, Report } from './report.ts'

export interface RepairOptions extends CheckOptions, Pick<SharedOptions, 'onEvent' | 'locking'> {
  /** The hosts that have the volume open are dead, whoever they are. */
  readonly recover?: boolean
}

export interface Repaired {
  readonly report: Report
  /** UUIDs of the hosts whose journals were replayed. */
  readonly recovered: readonly string[]
}

/** Heartbeats and headers, each of which stands in a sector of its own: written whole or not at all. */
const UNLOGGED: TransactionLog = { capacity: 2, log: async () => {}, retire: async () => {} }

/**
 * Owns the devices, and closes them.
 * @throws VmfsError 'in use' while another host has the volume open, unless it is said to be dead; what `openVolume` and
 *   `checkVolume` throw
 */
export async function repairVolume(devices: readonly BlockDevice[], options: RepairOptions = {}): Promise<Repaired> {
  try {
    const watch =
      options.recover && devices.every(isShared) ? await watchSilence(await openVolume(devices), options) : undefined
    const mended = await mendUnlogged(devices, options, mendHeartbeats)
    const { volume, more } = await open(devices, options, watch)
    const report = await volume.exclusively((writing) => mendVolume(writing, options)).finally(() => volume.close())
    // The repair's own heartbeat is gone by now.
    const hosts = report.hosts.filter(({ uuid }) => uuid !== volume.host)
    return {
      report: { ...report, hosts, mended: [...mended, ...more, ...report.mended] },
      recovered: volume.recovered,
    }
  } finally {
    await Promise.allSettled(devices.map((device) => device.close()))
  }
}

async function open(devices: readonly BlockDevice[], options: RepairOptions, watch?: PeerWatch) {
  const recover = options.recover || 'ended'
  const write = { recover, ...(watch && { watch }), ...shared(options) } as const
  const opened = (volume: WritableVolume, more: readonly Finding[]) => ({ volume, more })
  try {
    return opened(await openForWriting(devices, write), [])
  } catch (error) {
    if (!(error instanceof VmfsError) || error.problem !== 'damaged') throw error
  }
  const mendHeaders = async (writing: Writing) => (await mendVolume(writing, { ...options, last: 'headers' })).mended
  const more = await mendUnlogged(devices, options, mendHeaders)
  return opened(await openForWriting(devices, write), more)
}

const shared = ({ onEvent, locking }: RepairOptions) => ({ ...(onEvent && { onEvent }), ...(locking && { locking }) })

/** Nothing is written to a volume that a living host has open. */
async function mendUnlogged(
  devices: readonly BlockDevice[],
  { recover = false }: RepairOptions,
  mend: (writing: Writing) => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  const volume = await openVolume(devices)
  const others = (await heartbeatsInUse(volume)).filter(({ owner }) => !isEndedProcess(owner))
  if (!recover) requireAlone(others, '')
  const now = () => Math.floor(Date.now() / 1000)
  return await mend(new Writing(volume, cachedIo(volume), UNLOGGED, now))
}
