// An operation looks before it has any lock: what another host changes meanwhile may look damaged, and is not.

import { expect, test } from 'vitest'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import { openForWriting } from '../../../../src/host/vmfs/writable-volume.ts'
import { GatedDevice } from './gated-device.ts'
import { bytes, sharedVolume } from './shared-volume.ts'

test('a file that another host removes between its name and its descriptor is not there', async () => {
  const shared = await sharedVolume(6)
  const { volume: other } = await shared.host()
  const { address } = await other.putFile('/file', bytes('content'))
  const device = new GatedDevice((await shared.device()).device)
  const { logical, ...looked } = await openVolume([device]).then((volume) => ({
    logical: volume.logical,
    descriptor: volume.locateFileDescriptor(address),
  }))
  const { offset } = logical.place(await looked.descriptor)
  const volume = await openForWriting([device])
  let removed = 0
  device.before = async (command) => {
    if (command.kind !== 'read' || command.offset !== offset || removed++ > 0) return
    await other.removeFile('/file')
  }
  await expect(volume.openFile('/file', 'readOnly')).rejects.toMatchObject({ problem: 'no such file' })
  expect(removed).toBeGreaterThan(0)
  device.before = () => {}
  await volume.close()
  await other.close()
  expect(await shared.findings()).toEqual([])
}, 60_000)

test('what looks damaged each time is', async () => {
  const shared = await sharedVolume(6)
  const { volume } = await shared.host()
  const { address } = await volume.putFile('/file', bytes('content'))
  const { device } = await shared.device()
  const { logical, ...looked } = await openVolume([device]).then((opened) => ({
    logical: opened.logical,
    descriptor: opened.locateFileDescriptor(address),
  }))
  const place = logical.place(await looked.descriptor)
  await device.write(place.offset, Buffer.alloc(4096))
  await expect(volume.openFile('/file', 'readOnly')).rejects.toMatchObject({ problem: 'damaged' })
  await volume.close()
}, 60_000)
