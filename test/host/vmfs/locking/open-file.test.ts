// Files that hosts hold open on a volume that they share: what goes together, what is refused, and what stands in the locks.

import { expect, test } from 'vitest'
import { bytes, sharedVolume } from './shared-volume.ts'

test('an exclusive file is read, written and grows', async () => {
  const shared = await sharedVolume(5)
  const host = await shared.host()
  await host.volume.putFile('/file', bytes('content'))
  const file = await host.volume.openFile('/file', 'exclusive')
  await file.write(7, Buffer.from(' and more'))
  expect((await file.read(0, 100)).toString()).toBe('content and more')
  await expect(host.volume.removeFile('/file')).rejects.toThrow('"/file" is in use')
  await host.volume.truncate('/file', 3)
  expect((await file.read(0, 100)).toString()).toBe('con')
  await file.close()
  await host.volume.removeFile('/file')
  await host.volume.close()
  expect(await shared.findings()).toEqual([])
}, 60_000)
