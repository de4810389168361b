// Volumes as devices hold them: in an image file that is closed and opened again, and on two devices, with a file on both.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createFileDevice, openFileDevice } from '../../../src/host/file-device.ts'
import { formatVolume } from '../../../src/host/vmfs/format.ts'
import { lookup } from '../../../src/host/vmfs/path-lookup.ts'
import { openVolume } from '../../../src/host/vmfs/volume.ts'
import { openForWriting } from '../../../src/host/vmfs/writable-volume.ts'
import { MemoryDevice } from './memory-device.ts'
import { contentOf, from, MIB, pattern, treeOf } from './writing-volumes.ts'

test.each([5, 6] as const)('VMFS%i in an image file', async (version) => {
  const directory = mkdtempSync(join(tmpdir(), 'lunette-image-'))
  try {
    const path = join(directory, 'volume.img')
    const created = await createFileDevice(path, 785 * MIB)
    await formatVolume([created], { version, label: 'image' })
    const volume = await openForWriting([created])
    await volume.makeDirectory('/dir')
    await volume.putFile('/dir/small', from(pattern(3000, 1)))
    await volume.putFile('/large', from(pattern(3 * MIB + 1, 2)))
    await volume.close()
    const opened = await openVolume([await openFileDevice(path, { readOnly: true })])
    expect(await treeOf(opened)).toEqual(
      new Map([
        ['/dir', 'directory'],
        ['/dir/small', contentOf(pattern(3000, 1))],
        ['/large', contentOf(pattern(3 * MIB + 1, 2))],
      ]),
    )
    await opened.close()
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

test.each([5, 6] as const)(
  'VMFS%i on two devices: a file that starts on one and ends on the other',
  async (version) => {
    const devices = [785 * MIB, 529 * MIB].map((size) => new MemoryDevice(size))
    await formatVolume(devices, { version, label: 'spanned' })
    const kept = devices.map((device) => Object.assign(device, { close: async () => {} }))
    const volume = await openForWriting(kept)
    const block = (index: number) => Buffer.alloc(MIB, (index % 255) + 1)
    async function* large() {
      for (let index = 0; index < 750; index++) yield block(index)
    }
    await volume.putFile('/large', large(), { size: 750 * MIB })
    await volume.close()
    const opened = await openVolume([...kept].reverse())
    const reader = opened.openFile((await lookup(opened, '/large')).file)
    const places = await Promise.all([0, 749].map(async (index) => (await reader.map.place(index * MIB)).offset ?? 0))
    expect(places.map((place) => place < 768 * MIB)).toEqual([true, false])
    expect(reader.length).toBe(750 * MIB)
    for await (const { offset, data } of reader.pieces())
      expect(data?.equals(block(offset / MIB)), `${offset}`).toBe(true)
  },
)
