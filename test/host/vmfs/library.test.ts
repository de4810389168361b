// The library's face: a volume in a local image, made, filled and read by what `lunette/host` exports.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  createFileDevice,
  formatVolume,
  isDirectory,
  lookupPath,
  measureSpace,
  type OpenFile,
  openDevice,
  openForWriting,
  openVolume,
  readHeartbeats,
  readLink,
  walkTree,
} from '../../../src/host/index.ts'

const MIB = 1024 * 1024
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lunette-library-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function* bytes(...parts: Buffer[]) {
  yield* parts
}

test.each([
  [5, 300],
  [6, 800],
] as const)('VMFS%i: made, written, read', async (version, mebibytes) => {
  const path = join(folder, `${version}.img`)
  const image = await createFileDevice(path, mebibytes * MIB)
  const { uuid } = await formatVolume([image], { version, label: 'library' })
  const writable = await openForWriting([image])
  const content = Buffer.concat([Buffer.alloc(MIB, 1), Buffer.alloc(777, 2)])
  await writable.makeDirectory('/vm')
  await writable.putFile('/vm/disk.vmdk', bytes(content.subarray(0, 5), content.subarray(5)))
  await writable.makeLink('vm/disk.vmdk', '/link')
  const open: OpenFile = await writable.openFile('/link', 'readOnly')
  expect((await open.read(MIB - 1, 2)).equals(Buffer.from([1, 2]))).toBe(true)
  await open.close()
  const hosts = await readHeartbeats(writable.volume.logical, writable.volume.version)
  expect(hosts.map(({ owner }) => owner)).toEqual([writable.host])
  await writable.close()

  const volume = await openVolume([await openDevice(path, { readOnly: true })])
  expect(volume.descriptor).toMatchObject({ uuid, label: 'library' })
  const { path: named, file } = await lookupPath(volume, '/link')
  expect(named).toBe('/vm/disk.vmdk')
  expect((await volume.openFile(file).read(0, 2 * MIB)).equals(content)).toBe(true)
  expect(await readLink(volume, (await lookupPath(volume, '/link', { follow: false })).file)).toBe('vm/disk.vmdk')
  const found: string[] = []
  for await (const each of walkTree(volume, await lookupPath(volume, '/')))
    if (!each.entry.name.endsWith('.sf')) found.push(isDirectory(each.file.meta) ? `${each.path}/` : each.path)
  expect(found).toEqual(['/vm/', '/link', '/vm/disk.vmdk'])
  expect((await measureSpace(volume)).fileBlocks.free).toBeGreaterThan(50)
  expect(await readHeartbeats(volume.logical, volume.version)).toEqual([])
  await volume.close()
})
