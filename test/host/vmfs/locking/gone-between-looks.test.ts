// A file that another host removes between the look at its name and that at its descriptor, which then is another file's.

import { describe, expect, test } from 'vitest'
import { lookup } from '../../../../src/host/vmfs/path-lookup.ts'
import { openForWriting } from '../../../../src/host/vmfs/writable-volume.ts'
import { GatedDevice } from './gated-device.ts'
import { bytes, FAST, sharedVolume } from './shared-volume.ts'

/** Two hosts; before the first look at the descriptor of `path` the other one removes that, and makes `/heir` of it. */
async function hosts(path: string) {
  const shared = await sharedVolume(5)
  const other = (await shared.host()).volume
  await other.makeDirectory('/dir')
  await other.putFile('/file', bytes('of the other'))
  const device = new GatedDevice((await shared.device()).device)
  const volume = await openForWriting([device], { locking: FAST })
  const { file } = await lookup(volume.volume, path)
  const at = volume.volume.logical.place(file.offset).offset
  device.before = async ({ kind, offset }) => {
    if (kind !== 'read' || offset !== at) return
    device.before = () => {}
    if (path === '/dir') await other.removeDirectory(path)
    else await other.removeFile(path)
    await other.makeDirectory('/fill')
    for (let count = 0; ; count++) {
      const name = `/fill/${count}`
      const made = path === '/dir' ? await other.makeDirectory(name).then(() => other.reference(name)) : undefined
      const { address } = made ?? (await other.putFile(name, bytes('of the heir')))
      if (address === file.address) return await other.rename(name, '/heir')
    }
  }
  const text = async (of: string) => {
    const { file: found } = await lookup(other.volume, of)
    return (await other.volume.openFile(found).read(0, 100)).toString()
  }
  const close = async () => {
    await volume.close()
    await other.close()
  }
  return { shared, other, volume, text, close }
}

describe('a file whose descriptor another one has got', () => {
  test('is made anew by a put, and the other one stays as it is', async () => {
    const { shared, volume, text, close } = await hosts('/file')
    await volume.putFile('/file', bytes('new'))
    expect([await text('/heir'), await text('/file')]).toEqual(['of the heir', 'new'])
    await close()
    expect(await shared.findings()).toEqual([])
  }, 60_000)

  test('is not there to be made shorter', async () => {
    const { volume, text, close } = await hosts('/file')
    await expect(volume.truncate('/file', 1)).rejects.toMatchObject({ problem: 'no such file' })
    expect(await text('/heir')).toBe('of the heir')
    await close()
  }, 60_000)

  test('gets no entry, where it was a directory', async () => {
    const { shared, other, volume, close } = await hosts('/dir')
    await expect(volume.putFile('/dir/new', bytes('new'))).rejects.toMatchObject({ problem: 'no such file' })
    await expect(lookup(other.volume, '/heir/new')).rejects.toMatchObject({ problem: 'no such file' })
    await close()
    expect(await shared.findings()).toEqual([])
  }, 60_000)
})
