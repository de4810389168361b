// Writes data over blocks that a file has, and changes nothing else: for files that several hosts write at once. Whatever needs other
// metadata than there is would have to be known to all of them, and is refused.

import { VmfsError } from '../errors.ts'
import type { FileDescriptor } from '../file-descriptors.ts'
import { FileMap } from '../file-map.ts'
import { FILE_TYPE, ZLA } from '../structures/file-descriptor.ts'
import type { Volume } from '../volume.ts'

/** A part of the data, and where in the volume it goes. */
interface Part {
  readonly offset: number
  readonly data: Buffer
}

/** The data is on stable storage when it resolves. @throws VmfsError 'unsupported' before anything is written */
export async function writeOverBlocks(volume: Volume, file: FileDescriptor, offset: number, data: Buffer) {
  requireInside(file, offset, data.length)
  requireSectors(volume, file, offset, data.length)
  const parts: Part[] = []
  const map = new FileMap(volume.contextOver(volume.cache), file)
  for (let done = 0; done < data.length; ) {
    const at = offset + done
    const { offset: place, length } = await map.place(at)
    const address = await map.address(Math.floor(at / map.blockBytes))
    if (place === undefined || ('cow' in address && address.cow))
      throw refused(`${file.name} has no block of its own at byte ${at}`, 'fill it while it is open exclusively')
    const part = data.subarray(done, done + length)
    parts.push({ offset: place, data: part })
    done += part.length
  }
  for (const part of parts) await writePart(volume, part)
  await volume.logical.flush()
}

function requireInside({ meta, name }: FileDescriptor, offset: number, length: number): void {
  if (meta.type !== FILE_TYPE.file) throw new VmfsError('read-only', `${name} is no file with data of its own`)
  if (offset + length > meta.length)
    throw refused(
      `${name} has ${meta.length} bytes, and a file that several hosts write does not grow`,
      'make it longer while it is open exclusively, or by nobody',
    )
  if (meta.zla === ZLA.resident && length > 0)
    throw refused(`${name} has its data beside its lock`, 'only larger files have blocks that several hosts can write')
}

/** Of a sector that two hosts change in part, one would undo what the other wrote. The last one of the file ends with the file. */
function requireSectors({ logical }: Volume, { meta, name }: FileDescriptor, offset: number, length: number): void {
  const bytes = Math.max(...logical.extents.map(({ device }) => device.blockBytes))
  const end = offset + length
  if (offset % bytes === 0 && (end % bytes === 0 || end === meta.length)) return
  throw refused(`${length} bytes at ${offset} of ${name} are no whole sectors of ${bytes} bytes`, 'write whole ones')
}

async function writePart({ logical }: Volume, { offset, data }: Part): Promise<void> {
  const { blockBytes } = logical.place(offset).device
  const rest = data.length % blockBytes
  // Behind the end of the file nothing is kept.
  await logical.write(offset, rest === 0 ? data : Buffer.concat([data, Buffer.alloc(blockBytes - rest)]))
}

const refused = (what: string, cure: string) =>
  new VmfsError('unsupported', `the file is open for several writers: ${what}; ${cure}`)
