// The mode in which hosts lock a volume: what format makes of it, how it changes while hosts come and go, and who is kept out. Two
// or three hosts over a real array.

import { describe, expect, test } from 'vitest'
import { repairVolume } from '../../../../src/host/vmfs/check/repair.ts'
import { formatVolume, lockModeOf, lockModeText, setLockMode, type VmfsError } from '../../../../src/host/vmfs/index.ts'
import { FS_DESCRIPTOR, FS_DESCRIPTOR_OFFSET } from '../../../../src/host/vmfs/structures/fs-descriptor.ts'
import { LVM_DATA_OFFSET } from '../../../../src/host/vmfs/structures/lvm.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import { MIB } from '../../../target/array.ts'
import { MemoryDevice } from '../memory-device.ts'
import { bytes, FAST, type SharedVolume, sharedVolume, switchable } from './shared-volume.ts'

const TIMEOUT_MS = 60_000
const options = { timeout: TIMEOUT_MS }

async function modeOf(shared: SharedVolume): Promise<string> {
  const { device } = await shared.device()
  const volume = await openVolume([device])
  try {
    return lockModeText(lockModeOf(volume))
  } finally {
    await volume.close()
  }
}

async function set(shared: SharedVolume, mode: 'ATS-only' | 'ATS+SCSI') {
  const { device } = await shared.device()
  try {
    const { after, hosts } = await setLockMode([device], mode, { locking: FAST })
    return { text: lockModeText(after), hosts: hosts.map(({ owner }) => owner) }
  } finally {
    await device.close()
  }
}

const implementations = async (shared: SharedVolume) =>
  (await shared.heartbeats()).map((slot) => slot.lockImplementation)

const failure = (open: Promise<unknown>): Promise<VmfsError> =>
  open.then(
    () => expect.fail('it was not refused'),
    (error) => error,
  )

describe('format', options, () => {
  test.each([5, 6] as const)('VMFS%i on a LUN with ATS: ATS-only, and hosts say so in their slots', async (version) => {
    const shared = await sharedVolume(version)
    const host = await shared.host()
    expect([await modeOf(shared), await implementations(shared)]).toEqual(['ATS-only', [2]])
    await host.volume.close()
  })

  test('on a LUN without ATS, on one that says it has ATS and refuses it, and on an image: ATS+SCSI', async () => {
    const { ats, injector } = switchable()
    ats.isOn = false
    for (const how of [{ lun: { vaai: { ats: false } } }, { options: { injector } }]) {
      const shared = await sharedVolume(5, how)
      const host = await shared.host()
      expect([await modeOf(shared), await implementations(shared)]).toEqual(['ATS+SCSI', [3]])
      await host.volume.close()
    }
    const formatted = await formatVolume([new MemoryDevice(600 * MIB)], { version: 5, label: 'image' })
    expect(formatted.lockMode).toBe('ATS+SCSI')
  })
})

describe('acceleratedLocking false', options, () => {
  test('on an ATS+SCSI volume: reservations alone, plain beats, and the slot says so', async () => {
    const shared = await sharedVolume(5)
    await set(shared, 'ATS+SCSI')
    shared.events.length = 0
    const [host, other] = [await shared.host({ acceleratedLocking: false }), await shared.host()]
    expect((await implementations(shared)).sort()).toEqual([1, 3])
    await Promise.all([host.volume.putFile('/a', bytes('a')), other.volume.putFile('/b', bytes('b'))])
    const counts = Object.values(host.volume.lockingCounts!)
    expect(counts.reduce((sum, { ats }) => sum + ats, 0)).toBe(0)
    expect(host.volume.lockingCounts!['acquire lock'].reserve).toBeGreaterThan(0)
    expect(host.volume.lockingCounts!['maintain heartbeat'].reserve).toBe(0)
    await Promise.all([host.volume.close(), other.volume.close()])
    expect(await shared.names()).toEqual(['a', 'b'])
    expect(await shared.findings()).toEqual([])
  })

  test('on an ATS-only volume: refused, with what to do, and no slot is left', async () => {
    const shared = await sharedVolume(5)
    const { problem, message } = await failure(shared.host({ acceleratedLocking: false }))
    expect(problem).toBe('unsupported')
    expect(message).toMatch(
      /^the volume is ATS-only, and this host may not use ATS: .*lunette vmfs lockmode set --scsi/,
    )
    expect(await shared.heartbeats()).toEqual([])
    expect(shared.commands()).toEqual({})
  })
})

test('an ATS-only volume on an array that has no ATS any more: refused, and no RESERVE was sent', options, async () => {
  const { ats, injector } = switchable()
  const shared = await sharedVolume(5, { options: { injector } })
  ats.isOn = false
  const { problem, message } = await failure(shared.host())
  expect(problem).toBe('unsupported')
  expect(message).toMatch(/^the volume is ATS-only, and .* does not know it: switch ATS on at the array/)
  expect(shared.commands()['RESERVE(6)']).toBeUndefined()
  ats.isOn = true
  const host = await shared.host()
  await host.volume.close()
})

describe('setLockMode', options, () => {
  test.each([5, 6] as const)('VMFS%i, a volume that nobody has open: at once, and back', async (version) => {
    const shared = await sharedVolume(version)
    expect(await set(shared, 'ATS+SCSI')).toEqual({ text: 'ATS+SCSI', hosts: [] })
    expect(await set(shared, 'ATS+SCSI')).toEqual({ text: 'ATS+SCSI', hosts: [] })
    expect(await set(shared, 'ATS-only')).toEqual({ text: 'ATS-only', hosts: [] })
    expect(Object.keys(shared.commands())).toEqual(['COMPARE AND WRITE'])
    expect(await shared.findings()).toEqual([])
  })

  test.each([
    ['ATS-only', 'ATS+SCSI', 'ATS downgrade pending', [2, 2], [3]],
    ['ATS+SCSI', 'ATS-only', 'ATS upgrade pending', [3, 3], [2]],
  ] as const)(
    '%s to %s while a host has it open: pending, new hosts lock as before, and the last to close completes it',
    async (from, to, pending, before, after) => {
      const shared = await sharedVolume(5)
      await set(shared, from)
      const first = await shared.host()
      expect(await set(shared, to)).toEqual({ text: pending, hosts: [first.volume.host] })
      const second = await shared.host()
      expect(await implementations(shared)).toEqual(before)
      await first.volume.close()
      expect(await modeOf(shared)).toBe(pending)
      await second.volume.putFile('/file', bytes('content'))
      await second.volume.close()
      expect(await modeOf(shared)).toBe(to)
      const third = await shared.host()
      expect(await implementations(shared)).toEqual(after)
      await third.volume.close()
      expect(await shared.findings()).toEqual([])
    },
  )

  test('a change that is pending is taken back', async () => {
    const shared = await sharedVolume(5)
    const host = await shared.host()
    expect((await set(shared, 'ATS+SCSI')).text).toBe('ATS downgrade pending')
    expect((await set(shared, 'ATS-only')).text).toBe('ATS-only')
    await host.volume.close()
    expect(await modeOf(shared)).toBe('ATS-only')
  })

  test('the host with the volume open dies: who opens it next buries it, and completes the change', async () => {
    const shared = await sharedVolume(5)
    const dead = await shared.host()
    await set(shared, 'ATS+SCSI')
    dead.session.destroy()
    const heir = await shared.host()
    expect(await modeOf(shared)).toBe('ATS downgrade pending')
    while ((await shared.heartbeats()).length > 1) await new Promise((resolve) => setTimeout(resolve, 50))
    await heir.volume.close()
    expect(await modeOf(shared)).toBe('ATS+SCSI')
    await dead.volume.close().catch(() => {})
  })

  test('the host with the volume open is dead already: it is buried, and the change is complete', async () => {
    const shared = await sharedVolume(5)
    const dead = await shared.host()
    dead.session.destroy()
    expect(await set(shared, 'ATS+SCSI')).toEqual({ text: 'ATS+SCSI', hosts: [] })
    await dead.volume.close().catch(() => {})
  })

  test('a host that may not use ATS is the last to close: the upgrade waits for one that may', async () => {
    const shared = await sharedVolume(5)
    await set(shared, 'ATS+SCSI')
    const host = await shared.host({ acceleratedLocking: false })
    expect((await set(shared, 'ATS-only')).text).toBe('ATS upgrade pending')
    await host.volume.close()
    expect(await modeOf(shared)).toBe('ATS upgrade pending')
    const again = await shared.host({ acceleratedLocking: false })
    expect(await implementations(shared)).toEqual([1])
    await again.volume.close()
    const last = await shared.host()
    expect([await modeOf(shared), await implementations(shared)]).toEqual(['ATS-only', [2]])
    await last.volume.close()
    expect(await shared.findings()).toEqual([])
  })

  test('ATS-only on an array without ATS, and any mode of an image: refused, and nothing is written', async () => {
    const shared = await sharedVolume(5, { lun: { vaai: { ats: false } } })
    const { problem, message } = await failure(set(shared, 'ATS-only'))
    expect([problem, message]).toEqual(['unsupported', expect.stringMatching(/cannot be ATS-only: .*stay ATS\+SCSI/)])
    expect(await modeOf(shared)).toBe('ATS+SCSI')
    const image = new MemoryDevice(600 * MIB)
    await formatVolume([image], { version: 5, label: 'image' })
    const writes = image.writes.length
    const refused = await failure(setLockMode([image], 'ATS+SCSI'))
    expect([refused.problem, refused.message]).toEqual(['unsupported', expect.stringMatching(/is an image or a disk/)])
    expect(image.writes.length).toBe(writes)
  })
})

describe('a host that is stranded in the other mode', options, () => {
  /** Has it open by reservations, on a volume that is ATS-only. */
  const stranded = (shared: SharedVolume) => shared.host({ mode: 'VMFS3' })

  test('lives: nobody else opens the volume, and is told who, where and what to do; it closes, and all is well', async () => {
    const shared = await sharedVolume(5)
    const host = await stranded(shared)
    const [slot] = await shared.heartbeats()
    const { problem, message, volumeOffset } = await failure(shared.host())
    expect([problem, volumeOffset]).toEqual(['in use', slot?.slotOffset])
    expect(message).toBe(
      `host ${host.volume.host} (127.0.0.1), with the heartbeat slot at byte ${slot?.slotOffset} of the volume, locks it by ` +
        'reservations, and the volume is ATS-only: close the volume on that host and open it there again',
    )
    expect(await shared.findings()).toEqual([expect.stringContaining('stranded host: host ')])
    expect((await failure(set(shared, 'ATS+SCSI'))).problem).toBe('in use')
    await host.volume.close()
    const after = await shared.host()
    await after.volume.close()
    expect(await shared.findings()).toEqual([])
  })

  test('is dead: it is buried, and the volume opened', async () => {
    const shared = await sharedVolume(5)
    const host = await stranded(shared)
    host.session.destroy()
    const heir = await shared.host()
    expect(await implementations(shared)).toEqual([2])
    await heir.volume.close()
    await host.volume.close().catch(() => {})
  })
})

test(
  'check --repair of the descriptor on a LUN mends what is wrong in it, and keeps label and mode',
  options,
  async () => {
    const shared = await sharedVolume(6)
    const at = LVM_DATA_OFFSET + FS_DESCRIPTOR_OFFSET
    const { device } = await shared.device()
    const before = await device.read(at, 4096)
    await device.write(at, FS_DESCRIPTOR.encode({ pb2Offset: 5 * MIB }, Buffer.from(before)))
    expect(await shared.findings()).toEqual([expect.stringMatching(/^descriptor: /)])
    const { report } = await repairVolume([(await shared.device()).device])
    expect([report.findings, report.mended.map(({ name }) => name)]).toEqual([[], ['descriptor']])
    expect((await device.read(at, 4096)).equals(before)).toBe(true)
    expect(await shared.findings()).toEqual([])
  },
)
