// What hosts leave that are gone: a check says it, a repair finishes or undoes it, and nobody who may be alive is disturbed.

import { spawnSync } from 'node:child_process'
import { beforeAll, describe, expect, test } from 'vitest'
import { checkVolume } from '../../../../src/host/vmfs/check/check.ts'
import { repairVolume } from '../../../../src/host/vmfs/check/repair.ts'
import { makeHostUuid } from '../../../../src/host/vmfs/host-identity.ts'
import { withLockMode } from '../../../../src/host/vmfs/lock-mode.ts'
import { FS_DESCRIPTOR, FS_DESCRIPTOR_OFFSET } from '../../../../src/host/vmfs/structures/fs-descriptor.ts'
import { HEARTBEAT, LOCK_IMPLEMENTATION } from '../../../../src/host/vmfs/structures/heartbeat.ts'
import { LVM_DATA_OFFSET } from '../../../../src/host/vmfs/structures/lvm.ts'
import { decodeUuid, encodeUuid } from '../../../../src/host/vmfs/structures/uuid.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import type { WritableVolume } from '../../../../src/host/vmfs/writable-volume.ts'
import type { MemoryDevice } from '../memory-device.ts'
import { change, from, HOST, MIB, newVolume, openWritable, pattern, treeOf } from '../writing-volumes.ts'

/** UUID of a process of this machine that has ended. */
function endedHost(): string {
  const raw = encodeUuid(makeHostUuid())
  raw.writeUInt32LE(spawnSync('true').pid, 4)
  return decodeUuid(raw)
}

const check = async (device: MemoryDevice) => await checkVolume(await openVolume([device.fork()]))
const names = (findings: readonly { readonly name: string }[]) => findings.map(({ name }) => name)

const OPERATIONS: Readonly<Record<string, (volume: WritableVolume) => Promise<unknown>>> = {
  'put of a small file': (volume) => volume.putFile('/dir/new', from(pattern(3000, 1))),
  'put of blocks over a file': (volume) => volume.putFile('/dir/old', from(pattern(3 * MIB, 2))),
  'rm of a file with blocks': (volume) => volume.removeFile('/dir/old'),
  'mv to another directory': (volume) => volume.rename('/dir/old', '/new'),
  'mv of a directory': (volume) => volume.rename('/dir/sub', '/other'),
  mkdir: (volume) => volume.makeDirectory('/dir/more'),
}

describe.each([5, 6] as const)('VMFS%i', (version) => {
  let base: MemoryDevice
  beforeAll(async () => {
    base = await newVolume(version, version === 5 ? 273 * MIB : 785 * MIB)
    await change(base, async (volume) => {
      await volume.makeDirectory('/dir')
      await volume.makeDirectory('/dir/sub')
      await volume.putFile('/dir/old', from(pattern(2 * MIB, 3)))
    })
  })

  /** The volume as it stands when its host is cut off after so many writes of an operation; undefined when that is all of it. */
  async function cut(operation: string, writes: number, host: string): Promise<MemoryDevice | undefined> {
    const device = base.fork()
    const volume = await openWritable(device, { host })
    device.cutAfter(writes)
    const done = await OPERATIONS[operation]!(volume).then(
      () => true,
      () => false,
    )
    device.heal()
    return done ? undefined : device
  }

  test.each(Object.keys(OPERATIONS))(
    '%s, cut at any write: repaired to the state before or after',
    async (operation) => {
      const treeAfter = async (device: MemoryDevice) => await treeOf(await openVolume([device.fork()]))
      const before = await treeAfter(base)
      const whole = base.fork()
      await change(whole, OPERATIONS[operation]!)
      const after = await treeAfter(whole)
      const host = endedHost()
      const found = new Set<string>()
      for (let writes = 0; ; writes++) {
        const device = await cut(operation, writes, host)
        if (!device) break
        for (const name of names((await check(device)).findings)) found.add(name)
        const { report, recovered } = await repairVolume([device.fork()])
        const repaired = device.fork()
        await repairVolume([repaired])
        expect([report.findings, recovered, report.hosts]).toEqual([[], [host], []])
        expect([before, after]).toContainEqual(await treeAfter(repaired))
      }
      expect([...found]).toContain('heartbeat of a dead host')
      expect([...found]).toContain('journal unapplied')
    },
  )

  test('a host of which nothing is known keeps its volume, unless it is said to be dead', async () => {
    const device = await cut('mkdir', 1, HOST)
    const { findings, hosts } = await check(device!)
    expect(names(findings)).not.toContain('heartbeat of a dead host')
    expect(hosts).toMatchObject([{ uuid: HOST }])
    await expect(repairVolume([device!.fork()])).rejects.toMatchObject({ problem: 'in use' })
    const { report, recovered } = await repairVolume([device!.fork()], { recover: true })
    expect([report.findings, recovered, report.hosts]).toEqual([[], [HOST], []])
  })

  test.each([
    ['by ATS alone on an ATS+SCSI volume', false, LOCK_IMPLEMENTATION.ats],
    ['by reservations on an ATS-only volume', true, LOCK_IMPLEMENTATION.reservations],
    ['in both ways on an ATS-only volume', true, LOCK_IMPLEMENTATION.both],
    ['in a way that is not known on an ATS-only volume', true, 77],
  ])(
    'a host that locks %s is stranded, as long as it has the volume open',
    async (_, isAtsOnly, lockImplementation) => {
      const device = (await cut('mkdir', 3, HOST))!
      const edit = (volumeOffset: number, change: (image: Buffer) => void) => {
        const image = device.peek(LVM_DATA_OFFSET + volumeOffset, 512)
        change(image)
        device.poke(LVM_DATA_OFFSET + volumeOffset, image)
      }
      const { hosts, findings: before } = await check(device)
      expect(names(before)).not.toContain('stranded host')
      const { slotOffset } = hosts[0]!
      edit(slotOffset, (image) => void HEARTBEAT.encode({ lockImplementation }, image))
      const config = withLockMode(6, { mode: isAtsOnly ? 'ATS-only' : 'ATS+SCSI', isPending: false })
      edit(FS_DESCRIPTOR_OFFSET, (image) => void FS_DESCRIPTOR.encode({ config }, image))
      const { findings } = await check(device)
      expect(findings).toContainEqual({
        ...{ name: 'stranded host', volumeOffset: slotOffset },
        message: expect.stringMatching(`^host ${HOST}, .* close the volume on that host and open it there again$`),
      })
      const { report } = await repairVolume([device], { recover: true })
      expect(report.findings).toEqual([])
    },
  )

  test('a journal that nobody can read is said to be', async () => {
    const device = await cut('mkdir', 1, endedHost())
    const { slotOffset } = (await check(device!)).hosts[0]!
    const slot = device!.peek(0x1100000 + slotOffset, 512)
    const journal = 0x1100000 + Number(slot.readBigUInt64LE(0x64))
    device!.poke(journal, Buffer.alloc(4096, 0x55))
    expect(names((await check(device!)).findings)).toContain('journal unreadable')
  })
})
