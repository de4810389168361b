// Which paths lead to descriptors: of files anywhere in the tree, and of the root itself.

import { expect, test } from 'vitest'
import { lookup } from '../../../src/host/vmfs/path-lookup.ts'
import { pathsOf } from '../../../src/host/vmfs/paths-of.ts'
import { from, newVolume, openWritable } from './writing-volumes.ts'

test.each([5, 6] as const)('VMFS%i', async (version) => {
  const writable = await openWritable(await newVolume(version))
  for (const directory of ['/a', '/a/b', '/a/b/c', '/d']) await writable.makeDirectory(directory)
  for (const path of ['/a/b/c/file', '/d/file', '/d/other']) await writable.putFile(path, from(Buffer.from(path)))
  await writable.makeLink('/d/file', '/link')
  const { volume } = writable
  const address = async (path: string) => (await lookup(volume, path, { follow: false })).file.address
  const paths = ['/', '/.fbb.sf', '/a/b/c', '/a/b/c/file', '/d/other', '/link']
  const addresses = await Promise.all(paths.map(address))
  expect(await pathsOf(volume, new Set(addresses))).toEqual(new Map(addresses.map((each, at) => [each, paths[at]])))
  const gone = await address('/d/other')
  await writable.removeFile('/d/other')
  expect(await pathsOf(volume, new Set([gone]))).toEqual(new Map())
  expect(await pathsOf(volume, new Set())).toEqual(new Map())
  await writable.close()
})
