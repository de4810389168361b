// What a file's descriptor says, against its place, the entry that leads to it and its blocks (vmfs-format.md, 8 and 9).

import { VmfsError } from '../errors.ts'
import { type FileDescriptor, isDirectory } from '../file-descriptors.ts'
import { FileMap } from '../file-map.ts'
import { encodeFileMeta, FILE_TYPE, type FileMeta, ZLA } from '../structures/file-descriptor.ts'
import { LOCK_TYPE } from '../structures/lock.ts'
import { FILE_BLOCK_BYTES } from '../version.ts'
import { claimBlocks } from './addresses.ts'
import type { CheckContext, Mend } from './findings.ts'
import type { Slot } from './heartbeats.ts'
import { checkLock } from './locks.ts'
import { type FindingName, formatAddress } from './report.ts'

export interface FoundFile {
  readonly file: FileDescriptor
  readonly path: string
  /** Address of the directory that leads to it. */
  readonly parent: number
}

type Problem = readonly [name: FindingName, message: string, values: Partial<FileMeta>]

/** @returns whether its bytes can be read: only then is it worth entering a directory */
export async function checkFile(
  context: CheckContext,
  slots: ReadonlyMap<number, Slot>,
  found: FoundFile,
): Promise<boolean> {
  const { volume } = context
  const { file, path } = found
  const address = formatAddress(file.address)
  checkLock(
    context,
    slots,
    { what: path, address, path, volumeOffset: file.offset, type: LOCK_TYPE.fileDescriptor },
    file.lock,
  )
  const readable = canMap(context, found)
  const blocks = await claimBlocks(context, found)
  const problems = [...identityProblems(found), ...(readable ? blockProblems(found, blocks) : [])]
  for (const [name, message, values] of problems) report(context, found, name, message, values)
  const end = Math.ceil(file.meta.length / file.meta.blockBytes)
  if (readable && blocks.last >= end)
    report(context, found, 'file length', `has a block ${blocks.last}, and its length ends in block ${end - 1}`)
  if (readable && isDirectory(file.meta) && volume.version.fileDescriptors.signature !== 0 && file.meta.length === 0)
    report(context, found, 'directory unreadable', 'is a directory without its header')
  return readable
}

/** Says and mends one thing about a descriptor. */
export function report(
  context: CheckContext,
  { file, path }: Pick<FoundFile, 'file' | 'path'>,
  name: FindingName,
  message: string,
  values?: Partial<FileMeta>,
): void {
  context.findings.add(
    {
      ...{ name, address: formatAddress(file.address), volumeOffset: file.offset, path, message: `${path} ${message}` },
      ...(values && { repair: 'it is set to that' }),
    },
    values && setMeta(context, name, file, values),
  )
}

function canMap(context: CheckContext, found: FoundFile): boolean {
  try {
    new FileMap(context.volume.contextOver(context.volume.cache), found.file)
    return true
  } catch (error) {
    if (!(error instanceof VmfsError)) throw error
    const { zla, blockBytes } = found.file.meta
    const wanted = blockBytesOf(context, zla)
    if (wanted !== undefined && blockBytes !== wanted)
      report(context, found, 'block size', `has blocks of ${blockBytes} bytes, and ${wanted} by its addressing mode`, {
        blockBytes: wanted,
        blockShift: Math.log2(wanted),
      })
    else
      report(
        context,
        found,
        wanted === undefined ? 'addressing mode' : 'file length',
        `cannot be read: ${error.message}`,
      )
    return false
  }
}

function blockBytesOf({ volume }: CheckContext, zla: number): number | undefined {
  switch (zla) {
    case ZLA.subBlocks:
      return volume.version.subBlockBytes
    case ZLA.fileBlocks:
    case ZLA.pointerBlocks:
    case ZLA.pb2Blocks:
      return FILE_BLOCK_BYTES
    default:
      return undefined
  }
}

function* identityProblems({ file, parent }: FoundFile): Generator<Problem> {
  const { meta } = file
  if (meta.address !== file.address)
    yield [
      'own address',
      `has a descriptor that says ${formatAddress(meta.address)}, and is ${formatAddress(file.address)}`,
      { address: file.address },
    ]
  // VMFS5 has no parents, nor have the files of the file system itself.
  if (meta.signature !== 0 && meta.type !== FILE_TYPE.system && file.address !== parent && meta.parent !== parent)
    yield [
      'parent',
      `says that its directory is ${formatAddress(meta.parent)}, and it stands in ${formatAddress(parent)}`,
      { parent },
    ]
}

function* blockProblems(
  { file }: FoundFile,
  { data, pointers }: { data: number; pointers: number },
): Generator<Problem> {
  const { meta } = file
  if (meta.blockShift !== Math.log2(meta.blockBytes))
    yield [
      'block size',
      `has blocks of ${meta.blockBytes} bytes, and a shift of ${meta.blockShift}`,
      { blockShift: Math.log2(meta.blockBytes) },
    ]
  if (meta.blocks !== data)
    yield ['block count', `has ${data} blocks, and a count of ${meta.blocks}`, { blocks: data, newBlocks: data }]
  if (meta.pointerBlocks !== pointers)
    yield [
      'pointer block count',
      `has ${pointers} pointer blocks, and a count of ${meta.pointerBlocks}`,
      { pointerBlocks: pointers },
    ]
}

export function setMeta(
  { volume }: CheckContext,
  what: string,
  file: Pick<FileDescriptor, 'offset'>,
  values: Partial<FileMeta>,
): Mend {
  const { fileDescriptors } = volume.version
  return {
    phase: 'descriptors',
    key: `${what} ${file.offset}`,
    run: (writing) =>
      writing.run(({ tx }) =>
        tx.edit({ offset: file.offset, length: fileDescriptors.bytes, lock: file.offset }, (image) =>
          encodeFileMeta(fileDescriptors, values, image),
        ),
      ),
  }
}
