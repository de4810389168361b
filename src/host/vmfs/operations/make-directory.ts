// A new directory: its file with "." and "..", its descriptor, and its name in the directory above, which has one more link.

import type { FileDescriptor } from '../file-descriptors.ts'
import type { AddressParts } from '../structures/address.ts'
import { FILE_TYPE } from '../structures/file-descriptor.ts'
import type { Work, Writing } from '../writing.ts'
import { type Content, subBlockContent } from './content.ts'
import { linkNewFile, type NewFile, newFile } from './create-file.ts'
import { placeForNew } from './names.ts'
import { paddedTo } from './stage-content.ts'

export async function makeDirectory(writing: Writing, path: string): Promise<number> {
  const { directory, name } = await placeForNew(writing.volume, path)
  return await writing.run(async (work) => {
    await work.claim(directory)
    const file = await newFile(work, FILE_TYPE.directory)
    await linkNewFile(work, file, await stageDirectory(work, file, directory), directory, name)
    return file.address
  })
}

async function stageDirectory(work: Work, self: NewFile, { address, meta }: FileDescriptor): Promise<Content> {
  const { version } = work.volume
  const parent = { type: FILE_TYPE.directory, address, generation: meta.generation }
  const image = version.directories.create(self, parent)
  const addresses: AddressParts[] = []
  for (let at = 0; at < image.length; at += version.subBlockBytes) {
    const place = await work.take('sub-block')
    addresses.push(place.address)
    const part = image.subarray(at, at + version.subBlockBytes)
    await work.tx.write(place.offset, paddedTo(version.sectorBytes, part))
  }
  return subBlockContent(version, image.length, addresses)
}
