// What a device holds already, so that nobody's data is formatted away unasked. Each format is known by bytes at a
// fixed place.

import type { BlockDevice } from '../block-device.ts'
import { hasVolumeAt } from './logical-volume.ts'
import { partitionTypes, vmfsPartition } from './structures/lvm.ts'

const LBA_BYTES = 512
/** Before every signature of the table ends. */
const HEAD_BYTES = 0x12000

type Signature = readonly [name: string, offset: number, bytes: string]

/** Before the MBR: a FAT or NTFS boot sector ends as an MBR does. */
const SIGNATURES: readonly Signature[] = [
  ['a GUID partition table', 512, 'EFI PART'],
  ['a GUID partition table', 4096, 'EFI PART'],
  ['an NTFS file system', 3, 'NTFS    '],
  ['an exFAT file system', 3, 'EXFAT   '],
  ['a FAT file system', 0x36, 'FAT1'],
  ['a FAT file system', 0x52, 'FAT32   '],
  ['an XFS file system', 0, 'XFSB'],
  ['a LUKS volume', 0, 'LUKS\xba\xbe'],
  ['a disk image in qcow2 format', 0, 'QFI\xfb'],
  ['a disk image in VMDK format', 0, 'KDMV'],
  ['an ext2, ext3 or ext4 file system', 0x438, '\x53\xef'],
  ['a swap area', 4086, 'SWAPSPACE2'],
  ...[0, 1, 2, 3].map((sector): Signature => ['a physical volume of LVM2', sector * LBA_BYTES, 'LABELONE']),
  ['an ISO 9660 file system', 0x8001, 'CD001'],
  ['a Btrfs file system', 0x10040, '_BHRfS_M'],
]

/** What stands on the device, with its article, or undefined for a device on which nothing is known. */
export async function whatIsOn(device: BlockDevice): Promise<string | undefined> {
  if (await hasVolumeAt(device, 0)) return 'a VMFS volume'
  const head = await device.read(0, Math.min(HEAD_BYTES, device.size))
  const lba = vmfsPartition(head)
  if (lba && (await hasVolumeAt(device, lba * LBA_BYTES))) return 'a VMFS volume in a partition'
  const known = SIGNATURES.find(([, offset, bytes]) =>
    head.subarray(offset, offset + bytes.length).equals(Buffer.from(bytes, 'latin1')),
  )
  if (known) return known[0]
  return partitionTypes(head).length > 0 ? 'a partition table' : undefined
}
