// The descriptor of the file system against what it describes (vmfs-format.md, 2).

import { SYSTEM_FD } from '../structures/address.ts'
import { FS_DESCRIPTOR, FS_DESCRIPTOR_OFFSET } from '../structures/fs-descriptor.ts'
import { FIRST_GROUP_OFFSET } from '../structures/resource-file.ts'
import type { FsDescriptor } from '../volume.ts'
import type { CheckContext } from './findings.ts'

/** Fields that follow from the rest of the volume. */
export async function checkFsDescriptor({ volume, findings }: CheckContext): Promise<void> {
  const { version, files } = volume
  const descriptor = FS_DESCRIPTOR.decode(await volume.logical.read(FS_DESCRIPTOR_OFFSET, version.sectorBytes))
  const wanted: Partial<FsDescriptor> = {
    fdcGroupOffset: FIRST_GROUP_OFFSET,
    fdcClustersPerGroup: files.fdc.places.clustersPerGroup,
    pb2Address: SYSTEM_FD.pb2,
    pb2Offset: await volume.locateFileDescriptor(SYSTEM_FD.pb2),
    sddAddress: SYSTEM_FD.sdd,
    sddOffset: await volume.locateFileDescriptor(SYSTEM_FD.sdd),
  }
  for (const [field, value] of Object.entries(wanted) as [keyof FsDescriptor, number][]) {
    if (descriptor[field] === value) continue
    const message = `the file system's descriptor says ${field} 0x${descriptor[field].toString(16)}, where it is 0x${value.toString(16)}`
    const repair = 'is set to that'
    findings.add(
      { name: 'descriptor', volumeOffset: FS_DESCRIPTOR_OFFSET, message, repair },
      {
        phase: 'headers',
        key: 'descriptor',
        run: async (writing) => {
          // It has no lock of its own: who changes it has the one under which hosts open the volume.
          const lock = await volume.locateFileDescriptor(version.fbb.address)
          const region = { offset: FS_DESCRIPTOR_OFFSET, length: version.sectorBytes, lock }
          await writing.run(({ tx }) => tx.edit(region, (image) => void FS_DESCRIPTOR.encode(wanted, image)))
        },
      },
    )
  }
}
