// A file that several hosts have open to write it, or to read it: each sees what the others write, and nobody gives it blocks.

import { describe, expect, test } from 'vitest'
import type { OpenFile } from '../../../../src/host/vmfs/open-file.ts'
import { block, end, hosts, zeros } from './open-files.ts'
import { bytes, sharedVolume } from './shared-volume.ts'

const TIMEOUT_MS = 120_000
const MIB = 1024 * 1024

type Case = [what: string, path: string, write: (file: OpenFile) => Promise<void>]

describe.each([5, 6] as const)('VMFS%i: several writers', (version) => {
  test(
    'they write their parts of one file, and each reads what the others wrote',
    async () => {
      const shared = await sharedVolume(version)
      const all = await hosts(shared, 3)
      await all[0]!.volume.putFile('/file', zeros(2 * MIB + 100))
      const files = await Promise.all(all.map(({ volume }) => volume.openFile('/file', 'multiWriter')))
      await Promise.all(files.map((file, at) => file.write(at * 512, block(`${at}`))))
      await files[2]!.write(MIB - 1024, block('e', 2048))
      await files[1]!.write(2 * MIB, block('t', 100))
      for (const file of files) {
        expect(await file.read(0, 3 * 512)).toEqual(Buffer.concat(['0', '1', '2'].map((fill) => block(fill))))
        expect(await file.read(MIB - 1024, 2048)).toEqual(block('e', 2048))
        expect(await file.read(2 * MIB, 512)).toEqual(block('t', 100))
      }
      await end(shared, all)
    },
    TIMEOUT_MS,
  )

  test.each<Case>([
    ['behind its end, though in its block', '/short', (file) => file.write(MIB - 512, block('x'))],
    ['behind all of its blocks', '/file', (file) => file.write(MIB, block('x'))],
    ['parts of a sector', '/file', (file) => file.write(1, block('x', 511))],
    ['where it has no block', '/holes', (file) => file.write(MIB, block('x'))],
    // Of VMFS5, such a file has a sub-block.
    ...(version === 6 ? [['in its descriptor', '/small', (file) => file.write(0, block('x', 5))] as Case] : []),
  ])('nothing is written %s', async (_, path, write) => {
    const shared = await sharedVolume(version)
    const host = await shared.host()
    await host.volume.putFile('/file', zeros(MIB))
    await host.volume.putFile('/short', zeros(MIB - 512))
    await host.volume.putFile('/small', bytes('small'))
    await host.volume.putFile('/holes', zeros(MIB))
    await host.volume.truncate('/holes', 2 * MIB)
    const file = await host.volume.openFile(path, 'multiWriter')
    const before = await file.read(0, 2 * MIB)
    await expect(write(file)).rejects.toMatchObject({
      problem: 'unsupported',
      message: expect.stringMatching(/^the file is open for several writers: .*; /),
    })
    expect((await file.read(0, 2 * MIB)).equals(before)).toBe(true)
    await end(shared, [host])
  })
})

test.each(['readOnly', 'multiWriter'] as const)(
  '%s: eight hosts, and no ninth',
  async (mode) => {
    const shared = await sharedVolume(6)
    const all = await hosts(shared, 9)
    await all[0]!.volume.putFile('/file', bytes('content'))
    const files = await Promise.all(all.slice(0, 8).map(({ volume }) => volume.openFile('/file', mode)))
    await expect(all[8]!.volume.openFile('/file', mode)).rejects.toThrow(
      /^"\/file" is in use: host .* as 7 other hosts do; /,
    )
    await files[3]!.close()
    expect((await (await all[8]!.volume.openFile('/file', mode)).read(0, 100)).toString()).toBe('content')
    await end(shared, all)
  },
  TIMEOUT_MS,
)
