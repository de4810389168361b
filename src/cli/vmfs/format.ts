// lunette vmfs format VOLUME: makes a VMFS volume on a LUN, a disk or an image.

import { existsSync, rmSync } from 'node:fs'
import { parseSize, SIZE_FORMS } from '../../config/size.ts'
import type { BlockDevice } from '../../host/block-device.ts'
import { createFileDevice } from '../../host/file-device.ts'
import { formatVolume } from '../../host/vmfs/format.ts'
import { command, UsageError } from '../command.ts'
import { formatBytes, startProgress } from './progress.ts'
import { closeAll, explained, openDevices, VOLUME_OPTIONS, VOLUME_POSITIONAL } from './volume-options.ts'

const VERSIONS = [5, 6] as const
const BLOCK_BYTES = 512

export const vmfsFormat = command({
  name: 'format',
  describe: 'Make a VMFS volume on a LUN, a disk or an image; what is on it is lost',
  examples: [
    ['lunette vmfs format iscsi://127.0.0.1/iqn.2026-11.io.lunette:array1/0 --label datastore1', 'A LUN as VMFS6'],
    ['lunette vmfs format disk.img --size 10GiB --version 5 --label old', 'A new image, which takes no room yet'],
    ['lunette vmfs format one.img --extent two.img --size 1GiB --label wide', 'One volume on two images'],
  ],
  positionals: VOLUME_POSITIONAL,
  options: {
    version: { type: 'number', choices: VERSIONS, default: 6, requiresArg: true, describe: 'Version of VMFS' },
    label: { type: 'string', default: 'lunette', requiresArg: true, describe: 'Name of the volume' },
    force: { type: 'boolean', default: false, describe: 'Format also a device that holds something' },
    size: { type: 'string', requiresArg: true, describe: 'Make new images of this size' },
    json: { type: 'boolean', default: false, describe: 'Print one line of JSON' },
    ...VOLUME_OPTIONS,
  },
  async run(args, terminal) {
    const version = VERSIONS.find((each) => each === args.version)!
    const size = args.size === undefined ? undefined : requireSize(args.size)
    const made = size === undefined ? [] : requireNew([args.volume, ...(args.extent ?? [])])
    const devices =
      size === undefined ? await openDevices(args, terminal, { readOnly: false }) : await makeImages(made, size)
    const progress = startProgress('format', formatBytes, terminal)
    try {
      const { label, force } = args
      const onProgress = ({ done, total }: { done: number; total: number }) => progress.update({ done, total })
      const formatted = await explained(args, () => formatVolume(devices, { version, label, force, onProgress }))
      progress.end()
      terminal.stdout.write(args.json ? `${JSON.stringify(formatted)}\n` : describe(formatted))
      return 0
    } catch (error) {
      for (const path of made) rmSync(path, { force: true })
      throw error
    } finally {
      progress.end()
      await closeAll(devices)
    }
  },
})

const describe = ({
  label,
  version,
  uuid,
  size,
  fileBlocks,
  freeFileBlocks,
  lockMode,
}: Awaited<ReturnType<typeof formatVolume>>) =>
  `VMFS${version} volume ${JSON.stringify(label)}, ${uuid}\n` +
  `${formatBytes(size)}, of which ${formatBytes((size * freeFileBlocks) / fileBlocks)} are free; locking mode ${lockMode}\n`

function requireSize(text: string): number {
  const size = parseSize(text)
  if (size === undefined || size === 0 || size % BLOCK_BYTES !== 0)
    throw new UsageError(`--size: found ${text}; allowed: ${SIZE_FORMS}, a multiple of ${BLOCK_BYTES} bytes`)
  return size
}

function requireNew(names: readonly string[]): readonly string[] {
  for (const name of names) {
    if (/^iscsi:/i.test(name))
      throw new UsageError(`--size makes new images: ${name.replace(/\/\/.*@/, '//')} has its size already`)
    if (existsSync(name)) throw new UsageError(`${name} exists: leave --size out to format it as large as it is`)
  }
  return names
}

/** All of them, or none. */
async function makeImages(paths: readonly string[], size: number): Promise<BlockDevice[]> {
  const devices: BlockDevice[] = []
  try {
    for (const path of paths) devices.push(await createFileDevice(path, size))
    return devices
  } catch (error) {
    await closeAll(devices)
    for (const path of paths.slice(0, devices.length)) rmSync(path, { force: true })
    throw error
  }
}
