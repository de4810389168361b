// lunette vmfs cat VOLUME PATH: the content of a file.

import { VmfsError } from '../../host/vmfs/errors.ts'
import { isDirectory } from '../../host/vmfs/file-descriptors.ts'
import { lookup } from '../../host/vmfs/path-lookup.ts'
import type { Volume } from '../../host/vmfs/volume.ts'
import { command } from '../command.ts'
import { printFile } from './streams.ts'
import { VOLUME_OPTIONS, VOLUME_POSITIONAL, withVolume } from './volume-options.ts'

const FILE_POSITIONAL = {
  path: { type: 'string', demandOption: true, describe: 'A file on the volume' },
} as const

export const vmfsCat = command({
  name: 'cat',
  describe: 'Print the content of a file of a volume',
  examples: [['lunette vmfs cat disk.img /vm/vm.vmx', 'A file of the volume in an image']],
  positionals: { ...VOLUME_POSITIONAL, ...FILE_POSITIONAL },
  options: VOLUME_OPTIONS,
  run: (args, terminal) =>
    withVolume(args, terminal, async (volume) => {
      await printFile(terminal, await openFile(volume, args.path))
      return 0
    }),
})

/** @throws VmfsError 'is a directory' */
export async function openFile(volume: Volume, path: string) {
  const found = await lookup(volume, path)
  if (isDirectory(found.file.meta))
    throw new VmfsError('is a directory', `${JSON.stringify(found.path)} is a directory: name a file in it`)
  return volume.openFile(found.file)
}
