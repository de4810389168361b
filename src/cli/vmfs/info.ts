// lunette vmfs info VOLUME: what a volume is, where it is and how full.

import { readHeartbeats } from '../../host/vmfs/heartbeats.ts'
import { lockModeOf, lockModeText } from '../../host/vmfs/lock-mode.ts'
import { measureSpace, type SpaceUse } from '../../host/vmfs/space.ts'
import { LVM_DATA_OFFSET, PE_BYTES } from '../../host/vmfs/structures/lvm.ts'
import type { Volume } from '../../host/vmfs/volume.ts'
import { command } from '../command.ts'
import { printable } from '../print-sections.ts'
import { type Column, formatTable } from '../table.ts'
import { formatBytes } from './progress.ts'
import { VOLUME_OPTIONS, VOLUME_POSITIONAL, withVolume } from './volume-options.ts'

export const vmfsInfo = command({
  name: 'info',
  describe: 'What a volume is, where it is and how full',
  examples: [['lunette vmfs info iscsi://127.0.0.1/iqn.2026-11.io.lunette:array1/0', 'A volume on a LUN']],
  positionals: VOLUME_POSITIONAL,
  options: {
    json: { type: 'boolean', default: false, describe: 'Print one line of JSON, sizes in bytes' },
    ...VOLUME_OPTIONS,
  },
  run: (args, terminal) =>
    withVolume(args, terminal, async (volume) => {
      const info = await infoOf(volume)
      terminal.stdout.write(args.json ? `${JSON.stringify(info)}\n` : `${lines(info).join('\n')}\n`)
      return 0
    }),
})

type Info = Awaited<ReturnType<typeof infoOf>>

async function infoOf(volume: Volume) {
  const { descriptor, version, logical } = volume
  const { fileBlocks, subBlocks, pointerBlocks, fileDescriptors } = await measureSpace(volume)
  const hosts = await readHeartbeats(logical, version)
  return {
    label: descriptor.label,
    version: `${descriptor.majorVersion}.${descriptor.minorVersion}`,
    vmfs: version.version,
    uuid: descriptor.uuid,
    volumeUuid: logical.uuid,
    lockingMode: lockModeText(lockModeOf(volume)),
    createdAt: new Date(descriptor.createdAt * 1000).toISOString(),
    size: logical.size,
    blocks: useOf(fileBlocks),
    subBlocks: useOf(subBlocks),
    pointerBlocks: useOf(pointerBlocks),
    fileDescriptors: useOf(fileDescriptors),
    extents: logical.extents.map(({ device, partitionOffset, entry }) => ({
      device: device.name,
      offset: partitionOffset + LVM_DATA_OFFSET,
      size: entry.pes * PE_BYTES,
    })),
    hosts: hosts.map(({ owner, ip, generation, slotOffset }) => ({
      ...{ uuid: owner, ip, generation: String(generation), slotOffset },
    })),
  }
}

const useOf = ({ total, free, bytes }: SpaceUse) => ({ bytes, total, used: total - free, free })

interface Row {
  readonly what: string
  readonly use: ReturnType<typeof useOf>
}
const COLUMNS: readonly Column<Row>[] = [
  { title: 'RESOURCE', value: ({ what }) => what },
  { title: 'EACH', right: true, value: ({ use }) => formatBytes(use.bytes) },
  { title: 'USED', right: true, value: ({ use }) => use.used },
  { title: 'FREE', right: true, value: ({ use }) => use.free },
  { title: 'TOTAL', right: true, value: ({ use }) => use.total },
]

function lines(info: Info): string[] {
  const { blocks } = info
  const rows: Row[] = [
    { what: 'file blocks', use: blocks },
    { what: 'sub-blocks', use: info.subBlocks },
    { what: 'pointer blocks', use: info.pointerBlocks },
    { what: 'file descriptors', use: info.fileDescriptors },
  ]
  return [
    `Label    ${printable(info.label)}`,
    `Version  VMFS ${info.version}`,
    `UUID     ${info.uuid}`,
    `Volume   ${info.volumeUuid}`,
    `Locking  ${info.lockingMode}`,
    `Created  ${info.createdAt}`,
    `Size     ${formatBytes(info.size)}, ${formatBytes(blocks.free * blocks.bytes)} free`,
    ...info.extents.map(
      ({ device, offset, size }) => `Extent   ${printable(device)}, ${formatBytes(size)} at byte ${offset}`,
    ),
    ...info.hosts.map(
      ({ uuid, ip }) => `Host     ${uuid}${ip === '' ? '' : ` (${printable(ip)})`} has it open for writing`,
    ),
    '',
    ...formatTable(COLUMNS, rows),
  ]
}
