// The headers of the resource files against what follows from them and from the volume (vmfs-format.md, 6.1 and 6.2).

import type { ResourceFile } from '../resource-files.ts'
import { FileBlockGeometry, SMALL_HEADER_OFFSET } from '../structures/file-block-resources.ts'
import { RESOURCE_FILE_HEADER, RESOURCE_FILE_SIGNATURE, type ResourceGeometry } from '../structures/resource-file.ts'
import type { ValuesOf } from '../structures/structure.ts'
import { FILE_BLOCK_BYTES } from '../version.ts'
import type { CheckContext, Mend } from './findings.ts'

type Header = ValuesOf<typeof RESOURCE_FILE_HEADER.fields>

export async function checkResourceHeaders(context: CheckContext): Promise<void> {
  const { fdc, pbc, sbc, pb2, jbc, fbb } = context.volume.files
  for (const file of [fdc, pbc, sbc, pb2, jbc]) {
    if (!file) continue
    await checkHeader(context, file, 0, wantedOf(context, file.places))
    checkLength(context, file, file.places.fileLength)
  }
  const { places } = fbb
  if (places instanceof FileBlockGeometry) {
    await checkHeader(context, fbb, 0, wantedOf(context, places.large))
    await checkHeader(context, fbb, SMALL_HEADER_OFFSET, wantedOf(context, places.small))
  } else await checkHeader(context, fbb, 0, wantedOf(context, places))
  checkLength(context, fbb, places.fileLength)
  const blocks = context.volume.logical.size / FILE_BLOCK_BYTES
  if (places.resources !== blocks)
    context.findings.add({
      ...{ name: 'resource file header', volumeOffset: await fbb.offsetOf(0, RESOURCE_FILE_HEADER.size) },
      message: `${fbb.name} has ${places.resources} file blocks in its header, and the volume ${blocks}`,
    })
}

/** What a header says beside the geometry, which nothing could be found without. */
function wantedOf({ volume }: CheckContext, { groups }: ResourceGeometry): Partial<Header> {
  return { groups, ...(volume.version.clusters.signature && { signature: RESOURCE_FILE_SIGNATURE }) }
}

async function checkHeader(
  context: CheckContext,
  file: ResourceFile,
  at: number,
  wanted: Partial<Header>,
): Promise<void> {
  const { volume, findings } = context
  const volumeOffset = await file.offsetOf(at, RESOURCE_FILE_HEADER.size)
  const header = RESOURCE_FILE_HEADER.decode(await volume.cache.read(volumeOffset, RESOURCE_FILE_HEADER.size))
  const region = { offset: volumeOffset, length: RESOURCE_FILE_HEADER.size, lock: file.file.offset }
  const mend: Mend = {
    phase: 'headers',
    key: `resource header ${volumeOffset}`,
    run: (writing) =>
      writing.run(({ tx }) => tx.edit(region, (image) => void RESOURCE_FILE_HEADER.encode(wanted, image))),
  }
  for (const [field, value] of Object.entries(wanted) as [keyof Header, number][])
    if (header[field] !== value)
      findings.add(
        {
          ...{ name: 'resource file header', volumeOffset, repair: 'it is set to that' },
          message: `${file.name} says ${field} 0x${header[field].toString(16)} in its header, where 0x${value.toString(16)} follows from the rest`,
        },
        mend,
      )
}

/** Rounded up to whole blocks as ESXi does for .fdc.sf. */
function checkLength({ findings }: CheckContext, { name, file }: ResourceFile, needed: number): void {
  const { length } = file.meta
  if (length > Math.ceil(needed / FILE_BLOCK_BYTES) * FILE_BLOCK_BYTES)
    findings.add({
      ...{ name: 'resource file length', volumeOffset: file.offset },
      message: `${name} has ${length} bytes, and its resources need ${needed}`,
    })
}
