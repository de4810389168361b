// A repair that cannot mend one thing mends the others, and says why it could not.

import { expect, test } from 'vitest'
import { checkVolume, mendVolume } from '../../../../src/host/vmfs/check/check.ts'
import { VmfsError } from '../../../../src/host/vmfs/errors.ts'
import type { TransactionLog } from '../../../../src/host/vmfs/transaction.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import { cachedIo } from '../../../../src/host/vmfs/writable-volume.ts'
import { Writing } from '../../../../src/host/vmfs/writing.ts'
import { healthyVolume, Planted } from './planted-volume.ts'

/** A journal with room for two sectors: enough for every mend but that of a whole directory. */
const SMALL: TransactionLog = {
  capacity: 2,
  log: async (images) => {
    if (images.length > 2) throw new VmfsError('too large', 'no room')
  },
  retire: async () => {},
}

test('what does not work is told with its reason, and the rest is mended', async () => {
  const planted = await Planted.of(await healthyVolume(5))
  const dir = await planted.file('/many')
  const { volumeOffset } = await planted.entry(dir, '5')
  planted.edit(volumeOffset, 140, (image) => image.fill(0))
  planted.setMeta(await planted.file('/dir/a'), { links: 5 })
  const volume = await openVolume([planted.device])
  const report = await mendVolume(new Writing(volume, cachedIo(volume), SMALL, () => 0))
  expect(report.mended.map(({ name }) => name)).toEqual(expect.arrayContaining(['link count', 'orphan']))
  expect(report.findings).toEqual([
    {
      name: 'directory block',
      path: '/many',
      message: expect.stringMatching(/empty entries between the others \(it could not be mended: /),
      address: expect.any(String),
      volumeOffset: dir.offset,
    },
  ])
  expect((await checkVolume(await openVolume([planted.device.fork()]))).findings).toHaveLength(1)
})
