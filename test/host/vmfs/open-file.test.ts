// Files that are held open on a volume that one host has for itself: nothing is locked, and the same goes together.

import { expect, test } from 'vitest'
import type { OpenMode } from '../../../src/host/vmfs/open-file.ts'
import { from, MIB, newVolume, openWritable } from './writing-volumes.ts'

const MODES: readonly OpenMode[] = ['exclusive', 'readOnly', 'multiWriter']

test('the modes exclude each other as they do among hosts', async () => {
  const volume = await openWritable(await newVolume(5))
  await volume.putFile('/file', from(Buffer.from('content')))
  for (const first of MODES)
    for (const second of MODES) {
      const held = await volume.openFile('/file', first)
      const also = volume.openFile('/file', second)
      if (first === second && first !== 'exclusive') await (await also).close()
      else await expect(also).rejects.toMatchObject({ problem: 'in use' })
      await expect(volume.removeFile('/file')).rejects.toMatchObject({ problem: 'in use' })
      expect((await held.read(0, 100)).toString()).toBe('content')
      await held.close()
    }
  await volume.removeFile('/file')
  await volume.close()
})

test('what is written is there when the volume is opened again', async () => {
  const device = await newVolume(6)
  const volume = await openWritable(device)
  await volume.putFile('/file', from(Buffer.alloc(MIB)))
  const exclusive = await volume.openFile('/file', 'exclusive')
  await exclusive.write(MIB, Buffer.from('grown'))
  await exclusive.close()
  const shared = await volume.openFile('/file', 'multiWriter')
  await shared.write(512, Buffer.alloc(512, 'x'))
  await expect(shared.write(MIB, Buffer.alloc(512))).rejects.toMatchObject({ problem: 'unsupported' })
  await volume.close()
  const again = await openWritable(device)
  const file = await again.openFile('/file', 'readOnly')
  expect((await file.read(511, 514)).toString()).toBe(`\0${'x'.repeat(512)}\0`)
  expect((await file.read(MIB, 100)).toString()).toBe('grown')
  await again.close()
})

test.each([-1, 0.5, Number.NaN, 2 ** 60])('offsets and lengths that are none: %d', async (bytes) => {
  const volume = await openWritable(await newVolume(5))
  await volume.putFile('/file', from(Buffer.from('content')))
  const file = await volume.openFile('/file', 'exclusive')
  await expect(async () => await file.read(bytes, 1)).rejects.toMatchObject({ problem: 'too large' })
  await expect(async () => await file.read(0, bytes)).rejects.toMatchObject({ problem: 'too large' })
  await expect(async () => await file.write(bytes, Buffer.from('x'))).rejects.toMatchObject({ problem: 'too large' })
  await volume.close()
})
