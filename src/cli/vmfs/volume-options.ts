// What the commands on volumes share: which devices the volume is on, and how they are opened and closed. Who changes a volume has
// it for itself meanwhile, and gives it back also when it is interrupted.

import { formatPortal } from '../../config/portal.ts'
import { OperatorError } from '../../errors.ts'
import type { BlockDevice } from '../../host/block-device.ts'
import { openDevice } from '../../host/open-device.ts'
import { openVolume, type Volume } from '../../host/vmfs/volume.ts'
import { openForWriting, type WritableVolume } from '../../host/vmfs/writable-volume.ts'
import { type Terminal, UsageError } from '../command.ts'
import { explainFailure } from '../host-failure.ts'
import { connectOptions, HOST_OPTIONS, type HostArgs, requireUrl } from '../host-options.ts'

const LUN_URL = 'URL of a LUN (iscsi://[USER%SECRET@]HOST[:PORT]/TARGET-NAME/LUN)'

export const VOLUME_POSITIONAL = {
  volume: { type: 'string', demandOption: true, describe: `${LUN_URL}, or the path of an image or a disk` },
} as const

/** Of commands of hosts that share a volume: an image has no other hosts. */
export const LUN_VOLUME_POSITIONAL = { volume: { ...VOLUME_POSITIONAL.volume, describe: LUN_URL } } as const

export const VOLUME_OPTIONS = {
  extent: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Another device of the volume, a URL or a path as VOLUME is; may be repeated, in any order',
  },
  ...HOST_OPTIONS,
} as const

export const LUN_VOLUME_OPTIONS = {
  ...VOLUME_OPTIONS,
  extent: { ...VOLUME_OPTIONS.extent, describe: 'URL of another LUN of the volume; may be repeated, in any order' },
} as const

/** Of commands that change many files. */
export const NO_SYNC = {
  'no-sync': {
    type: 'boolean',
    default: false,
    describe:
      'Flush once, at the end: faster, and a power failure before that may damage the volume; of images and disks, not of LUNs',
  },
} as const

export interface VolumeArgs extends HostArgs {
  readonly volume: string
  readonly extent: readonly string[] | undefined
  readonly 'no-sync'?: boolean
}

/** Opens all devices, or none. */
export async function openDevices(
  args: VolumeArgs,
  terminal: Terminal,
  { readOnly }: { readonly readOnly: boolean },
): Promise<BlockDevice[]> {
  const devices: BlockDevice[] = []
  try {
    for (const name of [args.volume, ...(args.extent ?? [])]) devices.push(await open(name, args, terminal, readOnly))
  } catch (error) {
    await closeAll(devices)
    throw error
  }
  return devices
}

export const isUrl = (name: string): boolean => /^iscsi:/i.test(name)

async function open(name: string, args: HostArgs, terminal: Terminal, readOnly: boolean): Promise<BlockDevice> {
  if (!isUrl(name)) return await openDevice(name, { readOnly })
  const { auth, ...where } = requireUrl(name)
  const iscsi = await connectOptions(args, terminal, auth?.chap)
  try {
    return await openDevice(name, { readOnly, iscsi })
  } catch (error) {
    throw explainFailure(error, {
      ...{ portal: formatPortal(where), targetName: where.targetName },
      authenticated: iscsi.auth !== undefined,
    })
  }
}

/** What matters has been said when they are closed. */
export async function closeAll(devices: readonly BlockDevice[]): Promise<void> {
  await Promise.allSettled(devices.map((device) => device.close()))
}

/** A failure of the network in the middle of the work is told as one at its start. */
export async function explained<T>(args: VolumeArgs, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isUrl(args.volume)) throw error
    const where = requireUrl(args.volume)
    const authenticated = where.auth !== undefined || args.user !== undefined
    throw explainFailure(error, { portal: formatPortal(where), targetName: where.targetName, authenticated })
  }
}

/** Opens a volume to read it, and closes it whatever happens. */
export async function withVolume<T>(
  args: VolumeArgs,
  terminal: Terminal,
  work: (volume: Volume) => Promise<T>,
): Promise<T> {
  const devices = await openDevices(args, terminal, { readOnly: true })
  try {
    return await explained(args, async () => await work(await openVolume(devices)))
  } finally {
    await closeAll(devices)
  }
}

/** Opens a volume to change it; the first SIGINT or SIGTERM ends the work between two changes, and what is done stays done. */
export async function withWritable<T>(
  args: VolumeArgs,
  terminal: Terminal,
  work: (volume: WritableVolume, interrupt: AbortSignal) => Promise<T>,
): Promise<T> {
  requireImagesForNoSync(args)
  const opened = await openDevices(args, terminal, { readOnly: false })
  const devices = args['no-sync'] ? opened.map(flushedAtTheEnd) : opened
  return await interruptible(terminal, async (interrupt) => {
    try {
      return await explained(args, async () => {
        const volume = await openForWriting(devices, {
          onEvent: ({ text }) => terminal.stderr.write(`${text}\n`),
        })
        for (const host of volume.recovered)
          terminal.stderr.write(`host ${host} was gone in the middle of its work: its journal has been replayed\n`)
        try {
          return await work(volume, interrupt)
        } finally {
          await volume.close()
        }
      })
    } finally {
      await closeAll(devices)
    }
  })
}

/** What one host has written to a LUN, and may have lost in a cache, another host builds upon. */
export function requireImagesForNoSync(args: VolumeArgs): void {
  if (args['no-sync'] && [args.volume, ...(args.extent ?? [])].some(isUrl))
    throw new UsageError(
      '--no-sync is for images and disks: a LUN may have other hosts, for which each change is flushed',
    )
}

function flushedAtTheEnd(device: BlockDevice): BlockDevice {
  return {
    ...{ name: device.name, size: device.size, blockBytes: device.blockBytes },
    read: (offset, length) => device.read(offset, length),
    write: (offset, data) => device.write(offset, data),
    flush: async () => {},
    async close() {
      try {
        await device.flush()
      } finally {
        await device.close()
      }
    },
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** After a signal, until it is told what is waited for. */
const TOLD_MS = 3000

/** A second signal ends the process as ever. */
export async function interruptible<T>(terminal: Terminal, work: (interrupt: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  let telling: NodeJS.Timeout | undefined
  const interrupt = (signal: NodeJS.Signals) => {
    controller.abort(
      new OperatorError(`interrupted by ${signal}: what was under way is undone, what was done before stays`),
    )
    const tell = () =>
      terminal.stderr.write(`${signal}: ending in order, which waits for the disk; another one ends at once\n`)
    telling ??= setTimeout(tell, TOLD_MS)
  }
  for (const signal of SIGNALS) process.once(signal, interrupt)
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(telling)
    for (const signal of SIGNALS) process.off(signal, interrupt)
  }
}
