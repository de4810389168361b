// The blocks of a file: each address of its descriptor and of its pointer blocks is read alone, so that one that is wrong hides
// no other, and claimed for the file (vmfs-format.md, 7 and 9).

import { VmfsError } from '../errors.ts'
import type { FileDescriptor } from '../file-descriptors.ts'
import type { Address } from '../structures/address.ts'
import { ZLA } from '../structures/file-descriptor.ts'
import { FILE_BLOCK_BYTES } from '../version.ts'
import type { Volume } from '../volume.ts'
import type { Counted } from './claims.ts'
import type { CheckContext, Mend } from './findings.ts'
import { formatAddress } from './report.ts'

type Kind = Exclude<Address['kind'], 'hole'>
type Used = Exclude<Address, { kind: 'hole' }>

interface Mode {
  readonly data: readonly Kind[]
  readonly pointers: readonly Kind[] | undefined
}

/** What may stand where, by the addressing mode. */
function modeOf({ version }: Volume, zla: number): Mode | undefined {
  const blocks: readonly Kind[] = ['file block', 'large file block']
  const pointers: readonly Kind[] = [
    'pointer block',
    'pb2 block',
    ...(version.pointerBlocks.file === 'sbc' ? (['sub-block'] as const) : []),
  ]
  switch (zla) {
    case ZLA.fileBlocks:
      return { data: blocks, pointers: undefined }
    case ZLA.subBlocks:
      return { data: ['sub-block'], pointers: undefined }
    case ZLA.pointerBlocks:
    case ZLA.pb2Blocks:
      return { data: blocks, pointers }
    default:
      return undefined
  }
}

/** An address that is not 0, as it stands on the volume. */
interface Place {
  /** Of the block in the file, or of the pointer block among its kind. */
  readonly index: number
  readonly volumeOffset: number
  readonly raw: bigint
}

export interface FileBlocks {
  readonly data: number
  readonly pointers: number
  /** The highest block of data, -1 without any. */
  readonly last: number
}

/** Who the blocks are claimed for: quietly where it is an orphan, whose blocks may be somebody else's by now. */
export interface Owner {
  readonly file: FileDescriptor
  readonly path?: string | undefined
  readonly quiet?: boolean
}

export async function claimBlocks(context: CheckContext, owner: Owner): Promise<FileBlocks> {
  const { volume } = context
  const { file } = owner
  const mode = modeOf(volume, file.meta.zla)
  const count = { data: 0, pointers: 0, last: -1 }
  if (!mode) return count
  const { addresses, fileDescriptors, pointerBlocks } = volume.version
  const fanOut = pointerBlocks.bytes / addresses.bytes
  const own = { image: file.image, from: fileDescriptors.addressesOffset, count: fileDescriptors.maxAddresses }
  for (const place of placesIn(volume, own.image, own.from, own.count, file.offset, 0)) {
    if (!mode.pointers) {
      if (claim(context, owner, place, mode.data)) count.data++
      count.last = place.index
      continue
    }
    const pointer = claim(context, owner, place, mode.pointers)
    if (!pointer) continue
    count.pointers++
    const offset = await volume.contextOver(volume.cache).locate(pointer as Exclude<Used, { block: number }>)
    const image = await volume.cache.read(offset, pointerBlocks.bytes)
    for (const inner of placesIn(volume, image, 0, fanOut, offset, place.index * fanOut)) {
      if (claim(context, owner, inner, mode.data)) count.data++
      count.last = inner.index
    }
  }
  return count
}

function* placesIn(
  { version }: Volume,
  image: Buffer,
  from: number,
  count: number,
  imageOffset: number,
  firstIndex: number,
): Generator<Place> {
  const { bytes } = version.addresses
  for (let slot = 0; slot < count; slot++) {
    const at = from + slot * bytes
    const raw = bytes === 4 ? BigInt(image.readUInt32LE(at)) : image.readBigUInt64LE(at)
    if (raw !== 0n) yield { index: firstIndex + slot, volumeOffset: imageOffset + at, raw }
  }
}

/** @returns the address, if it is one of the file's by right */
function claim(context: CheckContext, owner: Owner, place: Place, kinds: readonly Kind[]): Used | undefined {
  const { findings, volume } = context
  const { file, path, quiet } = owner
  const { bytes } = volume.version.addresses
  const address = formatAddress(place.raw, bytes)
  const common = { address, volumeOffset: place.volumeOffset, ...(path !== undefined && { path }) }
  const bad = (why: string) => {
    if (!quiet)
      findings.add(
        {
          ...{
            ...common,
            name: 'bad address',
            message: `${file.name} has block ${place.index} at ${address}, which ${why}`,
          },
          repair: 'the block becomes a hole, which reads as zeros',
        },
        makeHole(context, file, place),
      )
    return undefined
  }
  let decoded: Address
  try {
    decoded = volume.version.addresses.decode(place.raw)
  } catch (error) {
    if (error instanceof VmfsError) return bad('is no address')
    throw error
  }
  if (decoded.kind === 'hole' || !kinds.includes(decoded.kind))
    return bad(`is a ${decoded.kind}, against its addressing mode`)
  const taken = claimResource(context, decoded, owner)
  if (taken === undefined) return bad('is not on the volume')
  if (taken !== 0 && !quiet)
    findings.add({
      ...{ ...common, name: 'used twice' },
      message:
        `${decoded.kind} ${address} is used by ${file.name} and by file descriptor ${formatAddress(taken)}: ` +
        'copy both files, and remove them',
    })
  return decoded
}

/** @returns who has it already, 0 for nobody, undefined where there is no such resource */
function claimResource({ claims, volume }: CheckContext, address: Used, { file, quiet }: Owner): number | undefined {
  const kind: Counted = address.kind
  const known = claims[kind]
  if (!known) return undefined
  try {
    const { cluster, resource } = 'block' in address ? known.places.locate(address.block) : address
    if (kind === 'file block' && 'block' in address && (address.block + 1) * FILE_BLOCK_BYTES > volume.logical.size)
      return undefined
    if (quiet && known.isUsed(cluster, resource)) return 0
    return known.claim(cluster, resource, file.address)
  } catch (error) {
    if (error instanceof VmfsError) return undefined
    throw error
  }
}

function makeHole({ volume }: CheckContext, file: FileDescriptor, { volumeOffset }: Place): Mend {
  const { bytes } = volume.version.addresses
  return {
    phase: 'descriptors',
    key: `hole ${volumeOffset}`,
    run: (writing) =>
      writing.run(({ tx }) =>
        tx.edit({ offset: volumeOffset, length: bytes, lock: file.offset }, (image) => void image.fill(0)),
      ),
  }
}
