// A symbolic link: a file whose data is the path that it leads to, without a zero at its end (notes, 9).

import { VmfsError } from '../errors.ts'
import { FILE_TYPE } from '../structures/file-descriptor.ts'
import type { Writing } from '../writing.ts'
import { linkNewFile, newFile } from './create-file.ts'
import { placeForNew, quote } from './names.ts'
import { stageSmall } from './stage-content.ts'

/** As far as a path is followed. */
const MAX_TARGET_BYTES = 4096

export async function makeLink(writing: Writing, target: string, path: string): Promise<number> {
  const data = Buffer.from(target)
  if (data.length === 0 || data.length > MAX_TARGET_BYTES || target.includes('\0') || data.toString() !== target)
    throw new VmfsError(
      'bad name',
      `${quote(target.slice(0, 80))} is no path for a link to lead to: give one of 1 to ${MAX_TARGET_BYTES} bytes`,
    )
  const { directory, name } = await placeForNew(writing.volume, path)
  return await writing.run(async (work) => {
    await work.claim(directory)
    const file = await newFile(work, FILE_TYPE.symlink)
    await linkNewFile(work, file, await stageSmall(work, data), directory, name)
    return file.address
  })
}
