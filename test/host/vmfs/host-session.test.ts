// One host at a time has a volume open for writing, and what a host leaves that was cut off is finished by the next (notes, 4).

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readHeartbeats } from '../../../src/host/vmfs/heartbeats.ts'
import { makeHostUuid } from '../../../src/host/vmfs/host-identity.ts'
import { HEARTBEAT, HEARTBEAT_OFFSET } from '../../../src/host/vmfs/structures/heartbeat.ts'
import { openVolume } from '../../../src/host/vmfs/volume.ts'
import type { WritableVolume } from '../../../src/host/vmfs/writable-volume.ts'
import { CutError, MemoryDevice } from './memory-device.ts'
import {
  change,
  contentOf,
  from,
  HOST,
  inspect,
  MIB,
  newVolume,
  openWritable,
  pattern,
  treeOf,
} from './writing-volumes.ts'

const OTHER = '5f6a1b2c-00000002-0002-02005e000002'

/** Of the logical volume on a device (notes, head). */
const volumeStart = 0x1100000

const slotsOf = async (device: MemoryDevice) => {
  const { logical, version } = await openVolume([device])
  return await readHeartbeats(logical, version)
}

describe.each([5, 6] as const)('VMFS%i: a host that writes', (version) => {
  const size = version === 5 ? 273 * MIB : 785 * MIB

  test('has a heartbeat slot with its UUID, its journal and a higher generation, and gives it back', async () => {
    const device = await newVolume(version, size)
    for (const generation of [1n, 2n]) {
      const volume = await openWritable(device)
      const [slot, ...others] = await slotsOf(device)
      expect(others).toEqual([])
      expect(slot).toMatchObject({
        ...{ owner: HOST, generation, lockImplementation: 3, offset: slot?.slotOffset },
        ...(version === 5 ? { driverMajor: 14, driverMinor: 81 } : { driverMajor: 24, driverMinor: 82 }),
      })
      expect(slot?.journalOffset).toBeGreaterThan(0)
      await volume.close()
      expect(await slotsOf(device)).toEqual([])
      expect(await inspect(device)).toEqual({ wrong: [], leaked: [] })
    }
  })

  test('keeps all others out', async () => {
    const device = await newVolume(version, size)
    const volume = await openWritable(device)
    await expect(openWritable(device, { host: OTHER })).rejects.toMatchObject({
      problem: 'in use',
      message: expect.stringMatching(`host ${HOST} has the volume open .*lunette vmfs check --repair`),
    })
    await volume.putFile('/file', from(pattern(10, 1)))
    await volume.close()
    await change(device, async (other) => await other.putFile('/other', from()), { host: OTHER })
    expect([...(await treeOf(await openVolume([device]))).keys()]).toEqual(['/file', '/other'])
  })

  test.each([
    [
      'in the middle of a change',
      async (volume: WritableVolume, device: MemoryDevice) => {
        device.cutAfter(1)
        await expect(volume.putFile('/file', from())).rejects.toThrow(CutError)
        device.heal()
      },
    ],
    ['between two changes', async (volume: WritableVolume) => void (await volume.putFile('/file', from()))],
  ])('that was taken for dead %s replays nothing, and frees no slot, when it ends', async (_, begin) => {
    const device = await newVolume(version, size)
    const late = await openWritable(device)
    await begin(late, device)
    const heir = await openWritable(device)
    expect(heir.recovered).toEqual([HOST])
    await heir.putFile('/file', from(pattern(10, 1)))
    await heir.putFile('/heir', from(pattern(10, 2)))
    await expect(late.close()).rejects.toMatchObject({
      problem: 'in use',
      message: expect.stringContaining(`another host has taken host ${HOST} for dead`),
    })
    expect(await slotsOf(device)).toMatchObject([{ owner: HOST, generation: 2n }])
    await heir.close()
    expect([...(await treeOf(await openVolume([device]))).keys()]).toEqual(['/file', '/heir'])
    expect(await inspect(device)).toEqual({ wrong: [], leaked: [] })
  })

  test('that is cut off after its record: the next run of the same host carries it out', async () => {
    const device = await newVolume(version, size)
    const volume = await openWritable(device)
    // The descriptor's data in the descriptor: the record is the first write.
    device.cutAfter(1)
    await expect(volume.makeLink('', '/x')).rejects.toMatchObject({ problem: 'bad name' })
    await expect(volume.putFile('/file', from())).rejects.toThrow(CutError)
    await expect(volume.putFile('/next', from())).rejects.toMatchObject({ problem: 'read-only' })
    device.heal()
    await expect(volume.putFile('/next', from())).rejects.toMatchObject({
      problem: 'read-only',
      message: expect.stringContaining('close the volume'),
    })
    expect(await slotsOf(device)).toHaveLength(1)
    expect((await treeOf(await openVolume([device]))).size).toBe(0)
    const again = await openWritable(device)
    expect(again.recovered).toEqual([HOST])
    await again.close()
    expect([...(await treeOf(await openVolume([device]))).keys()]).toEqual(['/file'])
    expect(await inspect(device)).toEqual({ wrong: [], leaked: [] })
  })

  test('that is cut off finishes its change when it closes the volume and the device is there again', async () => {
    const device = await newVolume(version, size)
    const volume = await openWritable(device)
    device.cutAfter(1)
    await expect(volume.putFile('/file', from())).rejects.toThrow(CutError)
    device.heal()
    await volume.close()
    expect(await slotsOf(device)).toEqual([])
    expect([...(await treeOf(await openVolume([device]))).keys()]).toEqual(['/file'])
    expect(await inspect(device)).toEqual({ wrong: [], leaked: [] })
  })

  test('that is cut off writes nothing more, not even data, before the change is finished', async () => {
    const device = await newVolume(version, size)
    const volume = await openWritable(device)
    // The data, the record, and nothing of what it says.
    device.cutAfter(2)
    await expect(volume.putFile('/first', from(pattern(5000, 1)))).rejects.toThrow(CutError)
    device.heal()
    const { length } = device.writes
    for (const refused of [
      volume.putFile('/second', from(pattern(5000, 2))),
      volume.makeDirectory('/dir'),
      volume.writeAt({ address: 4, generation: 1 }, 0, pattern(1, 1)),
    ])
      await expect(refused).rejects.toMatchObject({ problem: 'read-only' })
    expect(device.writes).toHaveLength(length)
    await volume.close()
    expect(await treeOf(await openVolume([device]))).toEqual(new Map([['/first', contentOf(pattern(5000, 1))]]))
  })

  test('whose device is gone when it closes the volume leaves slot and journal for the next', async () => {
    const device = await newVolume(version, size)
    const volume = await openWritable(device)
    device.cutAfter(1)
    await expect(volume.putFile('/file', from())).rejects.toThrow(CutError)
    await expect(volume.close()).rejects.toThrow(CutError)
    device.heal()
    await change(device, async () => {})
    expect([...(await treeOf(await openVolume([device]))).keys()]).toEqual(['/file'])
    expect(await inspect(device)).toEqual({ wrong: [], leaked: [] })
  })

  test('that finds another one when it has taken its slot gives it back, and no journal is touched', async () => {
    const device = await newVolume(version, size)
    const first = await openWritable(device)
    const [slot] = await slotsOf(device)
    const { logical, version: row } = first.volume
    const image = await logical.read(slot?.slotOffset ?? 0, row.heartbeats.slotBytes)
    await first.close()
    // The other host's slot appears with the first write of this one.
    const seen = device.fork()
    let writes = 0
    const racing = Object.assign(device, {
      write: async (offset: number, data: Buffer) => {
        if (writes++ === 0)
          await MemoryDevice.prototype.write.call(device, volumeStart + (slot?.slotOffset ?? 0), image)
        await MemoryDevice.prototype.write.call(device, offset, data)
      },
    })
    await expect(openWritable(racing, { host: OTHER })).rejects.toMatchObject({ problem: 'in use' })
    expect(await slotsOf(device)).toMatchObject([{ owner: HOST }])
    const journal = volumeStart + (slot?.journalOffset ?? 0)
    expect(device.peek(journal, 4096)).toEqual(seen.peek(journal, 4096))
  })

  test('that is cut off: others recover it when they are told that it is dead', async () => {
    const device = await newVolume(version, size)
    await openWritable(device)
    await expect(openWritable(device, { host: OTHER })).rejects.toMatchObject({ problem: 'in use' })
    const volume = await openWritable(device, { host: OTHER, recover: true })
    expect(volume.recovered).toEqual([HOST])
    await volume.putFile('/file', from(pattern(100, 1)))
    await volume.close()
    expect(await treeOf(await openVolume([device]))).toEqual(new Map([['/file', contentOf(pattern(100, 1))]]))
    expect(await inspect(device)).toEqual({ wrong: [], leaked: [] })
  })

  test('whose data cannot be written tells so, changes nothing, and can go on', async () => {
    const device = await newVolume(version, size)
    const volume = await openWritable(device)
    device.cutAfter(0)
    await expect(volume.putFile('/file', from(pattern(5000, 1)))).rejects.toThrow(CutError)
    device.heal()
    await volume.putFile('/next', from(pattern(5000, 2)))
    await volume.close()
    expect([...(await treeOf(await openVolume([device]))).keys()]).toEqual(['/next'])
    expect(await inspect(device)).toEqual({ wrong: [], leaked: [] })
  })

  test('by default has a UUID of its own in each run', async () => {
    const device = await newVolume(version, size)
    const hosts = new Set<string>()
    for (let run = 0; run < 3; run++) {
      const volume = await openWritable(device, { host: makeHostUuid() })
      hosts.add(volume.host)
      await volume.close()
    }
    expect(hosts.size).toBe(3)
  })

  test('with a journal that it did not write refuses to replay it', async () => {
    const device = await newVolume(version, size)
    const volume = await openWritable(device)
    const [slot] = await slotsOf(device)
    await volume.volume.logical.write(slot?.journalOffset ?? 0, pattern(4096, 1))
    await expect(openWritable(device, { recover: true, host: OTHER })).rejects.toMatchObject({
      problem: 'unsupported',
      volumeOffset: slot?.journalOffset,
    })
  })

  test('with a journal where none can be is damaged, and nothing is read there', async () => {
    const device = await newVolume(version, size)
    const volume = await openWritable(device)
    const [slot] = await slotsOf(device)
    const { logical } = volume.volume
    const { slotBytes } = volume.volume.version.heartbeats
    const at = slot?.slotOffset ?? 0
    for (const journalOffset of [3, logical.size, logical.size + MIB, 2 ** 52]) {
      await logical.write(at, HEARTBEAT.encode({ journalOffset }, await logical.read(at, slotBytes)))
      await expect(openWritable(device, { recover: true, host: OTHER })).rejects.toMatchObject({ problem: 'damaged' })
    }
  })

  test('with an address of its journal that is another one’s frees nothing', async () => {
    const device = await newVolume(version, size)
    const volume = await openWritable(device)
    await volume.putFile('/file', from(pattern(2 * MIB, 1)))
    const [slot] = await slotsOf(device)
    const { logical, version: row } = volume.volume
    const at = slot?.slotOffset ?? 0
    const image = await logical.read(at, row.heartbeats.slotBytes)
    await logical.write(at, HEARTBEAT.encode({ journalAddress: (slot?.journalAddress ?? 0) + 64 }, image))
    await change(device, async () => {}, { recover: true, host: OTHER })
    expect((await inspect(device)).wrong).toEqual([])
  })

  test('finds a slot that is neither free nor used: damaged, with its place', async () => {
    const device = await newVolume(version, size)
    const volume = await openVolume([device])
    const { slotBytes } = volume.version.heartbeats
    const image = HEARTBEAT.encode({ state: 5 }, Buffer.alloc(slotBytes))
    await volume.logical.write(HEARTBEAT_OFFSET + 3 * slotBytes, image)
    await expect(openWritable(device)).rejects.toMatchObject({
      problem: 'damaged',
      volumeOffset: HEARTBEAT_OFFSET + 3 * slotBytes,
    })
  })

  test('runs operations that are asked for at once one after the other', async () => {
    const device = await newVolume(version, size)
    await change(device, async (volume) => {
      await Promise.all([
        volume.makeDirectory('/dir'),
        ...Array.from({ length: 20 }, (_, index) => volume.putFile(`/dir/${index}`, from(pattern(5000, index)))),
        volume.rename('/dir', '/moved'),
      ])
    })
    expect((await treeOf(await openVolume([device]))).size).toBe(21)
    expect(await inspect(device)).toEqual({ wrong: [], leaked: [] })
  })

  test('that has closed the volume writes no more', async () => {
    const volume = await openWritable(new MemoryDevice(size).fork()).catch(() => undefined)
    expect(volume).toBeUndefined()
    const opened = await openWritable(await newVolume(version, size))
    await opened.close()
    await opened.close()
    await expect(opened.putFile('/file', from())).rejects.toMatchObject({ problem: 'read-only' })
  })
})

test('VMFS5 without .jnl.sf, as other programs make it: the journal is in a file block, which is given back', async () => {
  const device = await newVolume(5, 273 * MIB)
  await renameInRoot(device, '.jnl.sf', '.jnx.sf')
  const before = await inspect(device)
  const volume = await openWritable(device)
  await volume.putFile('/file', from(pattern(10, 1)))
  expect((await inspect(device)).leaked).toHaveLength(before.leaked.length + 1)
  device.cutAfter(1)
  await expect(volume.removeFile('/file')).rejects.toThrow(CutError)
  device.heal()
  await change(device, async () => {})
  expect((await treeOf(await openVolume([device]))).size).toBe(0)
  expect(await inspect(device)).toEqual(before)
})

test.runIf(existsSync('/proc/self/ns/pid'))(
  'a run of this machine that was killed is recovered without being asked',
  async () => {
    const device = await newVolume(5, 273 * MIB)
    const { pid } = spawnSync(process.execPath, ['--version'])
    const killed = makeHostUuid().replace(/-[0-9a-f]{8}-/, `-${pid.toString(16).padStart(8, '0')}-`)
    const volume = await openWritable(device, { host: killed })
    device.cutAfter(1)
    await expect(volume.makeDirectory('/dir')).rejects.toThrow(CutError)
    device.heal()
    const next = await openWritable(device, { host: makeHostUuid() })
    expect(next.recovered).toEqual([killed])
    await next.close()
    expect(await inspect(device)).toMatchObject({ wrong: [] })
  },
)

/** Writes another name of the same length over one, past everything that refuses it. */
async function renameInRoot(device: MemoryDevice, from: string, to: string): Promise<void> {
  const volume = await openVolume([device])
  const root = await volume.root()
  const { offset = 0 } = await volume.openFile(root).map.place(0)
  const image = await volume.logical.read(offset, 4096)
  image.write(to, image.indexOf(from))
  await volume.logical.write(offset, image)
}
