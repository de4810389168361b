// Each cell of the table of operations by volume mode on a real array: which commands were sent, as the host counts them and as the
// array saw them.

import { expect, test } from 'vitest'
import { chooseSlot, readSlots } from '../../../../src/host/vmfs/heartbeats.ts'
import { makeHostUuid } from '../../../../src/host/vmfs/host-identity.ts'
import { LockingEngine } from '../../../../src/host/vmfs/locking/engine.ts'
import {
  LOCK_OPERATIONS,
  type LockOperation,
  VOLUME_MODES,
  type VolumeMode,
} from '../../../../src/host/vmfs/locking/operations.ts'
import { LOCKING_DEFAULTS } from '../../../../src/host/vmfs/locking/settings.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import { type SharedVolume, sharedVolume } from './shared-volume.ts'

const TIMES = { beatMs: 100, ioTimeoutMs: 400, lostMs: 800, retryMs: 50 }
const PATIENCE_MS = 30_000

async function engineOn(shared: SharedVolume, mode: VolumeMode) {
  const { device } = await shared.device()
  const volume = await openVolume([device])
  const { logical, version } = volume
  const host = makeHostUuid()
  const owner = { host, journalAddress: 0, journalOffset: 0, driverMajor: version.major, driverMinor: version.minor }
  const slot = chooseSlot(await readSlots(logical, version), host).slotOffset
  const replayed: string[] = []
  const engine = await LockingEngine.open(
    logical,
    { volume: 'a volume', owner, slots: [slot] },
    { settings: { ...LOCKING_DEFAULTS, ...TIMES, mode }, replay: async (_, dead) => void replayed.push(dead) },
  )
  engine.start()
  const root = await volume.root()
  return { engine, volume, host, replayed, lock: root.offset }
}

type Sent = 'ATS' | 'reservation' | 'plain write'

/** What was sent for one operation. */
function sentFor({ engine }: Awaited<ReturnType<typeof engineOn>>, operation: LockOperation): Sent[] {
  const { ats, reserve, release, plainWrites } = engine.counts[operation]
  const sent: Sent[] = []
  if (ats > 0) sent.push('ATS')
  if (reserve > 0) sent.push('reservation')
  // Under a reservation the change itself is a plain write.
  if (plainWrites > reserve) sent.push('plain write')
  expect(release).toBe(reserve)
  return sent
}

const TABLE: Record<VolumeMode, Partial<Record<LockOperation, Sent>> & { readonly usual: Sent }> = {
  VMFS3: { usual: 'reservation', 'maintain heartbeat': 'plain write' },
  'VMFS3 with VAAI': {
    ...{ usual: 'reservation', 'maintain heartbeat': 'plain write' },
    ...{ 'acquire lock': 'ATS', 'upgrade optimistic lock': 'ATS' },
  },
  'ATS-only': { usual: 'ATS' },
  'ATS+SCSI': { usual: 'ATS' },
}

test.each(VOLUME_MODES)(
  '%s: the nine operations',
  async (mode) => {
    const shared = await sharedVolume(5)
    const dead = await engineOn(shared, mode)
    const heir = await engineOn(shared, mode)
    await dead.engine.lock(dead.lock, 'readOnly', 0)
    expect(await heir.engine.lock(heir.lock, 'readOnly', 0)).toBe(true)
    await heir.engine.unlock(heir.lock)
    await dead.engine.unlock(dead.lock)

    heir.volume.cache.clear()
    const fresh = (await heir.volume.root()).image.subarray(0, 512)
    expect(await heir.engine.upgrade({ offset: heir.lock, image: fresh })).toBe(true)
    await heir.engine.unlock(heir.lock)

    await dead.engine.lock(dead.lock, 'exclusive', 0)
    expect(await heir.engine.lock(heir.lock, 'exclusive', 0)).toBe(false)
    await dead.engine.stop({ abandon: true })
    expect(await heir.engine.lock(heir.lock, 'exclusive', PATIENCE_MS)).toBe(true)
    expect(heir.replayed).toEqual([dead.host])
    await heir.engine.unlock(heir.lock)
    expect(await heir.engine.stop()).toBe(true)

    const row = TABLE[mode]
    for (const operation of LOCK_OPERATIONS) {
      if (operation === 'reclaim heartbeat') continue // of a host that has lost access: below
      expect([operation, sentFor(heir, operation)]).toEqual([operation, [row[operation] ?? row.usual]])
    }
    const { 'RESERVE(6)': reserve = 0, 'COMPARE AND WRITE': ats = 0 } = shared.commands()
    expect(reserve > 0).toBe(mode.startsWith('VMFS3'))
    expect(ats > 0).toBe(mode !== 'VMFS3')
  },
  60_000,
)

test.each(VOLUME_MODES)(
  '%s: a heartbeat is reclaimed after access was lost',
  async (mode) => {
    const slots = { from: (20 * 2 ** 20) / 512, to: (21 * 2 ** 20) / 512 }
    let isDown = false
    const shared = await sharedVolume(5, {
      options: {
        injector: ({ command, lba }) =>
          isDown && /WRITE/.test(command) && lba >= slots.from && lba < slots.to ? { delayMs: 3_600_000 } : undefined,
      },
    })
    const host = await engineOn(shared, mode)
    isDown = true
    while (host.engine.counts['reclaim heartbeat'].reads === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    isDown = false
    const changes = () => host.engine.counts['reclaim heartbeat']
    while (changes().ats === changes().atsFailed && changes().plainWrites === 0)
      await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await host.engine.lock(host.lock, 'exclusive', 0)).toBe(true)
    await host.engine.unlock(host.lock)
    expect(await host.engine.stop()).toBe(true)
    expect(sentFor(host, 'reclaim heartbeat')).toEqual([TABLE[mode].usual])
  },
  60_000,
)
