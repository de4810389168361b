// lunette vmfs mkdir VOLUME PATH: makes a directory.

import { isDirectory } from '../../host/vmfs/file-descriptors.ts'
import { lookup } from '../../host/vmfs/path-lookup.ts'
import type { WritableVolume } from '../../host/vmfs/writable-volume.ts'
import { command } from '../command.ts'
import { VOLUME_OPTIONS, VOLUME_POSITIONAL, withWritable } from './volume-options.ts'

export const vmfsMkdir = command({
  name: 'mkdir',
  describe: 'Make a directory on a volume',
  examples: [
    ['lunette vmfs mkdir disk.img /iso', 'In the root'],
    ['lunette vmfs mkdir -p disk.img /vm/web/snapshots', 'With the directories that lead there'],
  ],
  positionals: {
    ...VOLUME_POSITIONAL,
    path: { type: 'string', demandOption: true, describe: 'The directory' },
  },
  options: {
    parents: {
      alias: 'p',
      type: 'boolean',
      default: false,
      describe: 'Make those that lead there too, unless they exist',
    },
    ...VOLUME_OPTIONS,
  },
  run: (args, terminal) =>
    withWritable(args, terminal, async (volume) => {
      if (args.parents) await makeAll(volume, args.path)
      else await volume.makeDirectory(args.path)
      return 0
    }),
})

async function makeAll(volume: WritableVolume, path: string): Promise<void> {
  let made = ''
  for (const name of path.split('/').filter(Boolean)) {
    made += `/${name}`
    const there = await lookup(volume.volume, made).catch(() => undefined)
    if (!there || !isDirectory(there.file.meta)) await volume.makeDirectory(made)
  }
}
