// Where a byte of a volume lies as `lunette ats who` and an array know it: a block of a device.

import type { Volume } from '../../host/vmfs/volume.ts'
import type { Column } from '../table.ts'

export interface BlockOnDevice {
  /** In blocks of the device. */
  readonly lba: number
  readonly device: string
}

export function blockOf({ logical }: Volume, volumeOffset: number): BlockOnDevice {
  const { device, offset } = logical.place(volumeOffset)
  return { lba: Math.floor(offset / device.blockBytes), device: device.name }
}

/** With the device where there are several. */
export const blockColumns = ({ logical }: Volume): readonly Column<BlockOnDevice>[] => [
  { title: 'LBA', right: true, value: ({ lba }) => lba },
  ...(logical.extents.length > 1 ? [{ title: 'DEVICE', value: ({ device }: BlockOnDevice) => device }] : []),
]
