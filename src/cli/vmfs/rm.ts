// lunette vmfs rm VOLUME PATH: removes a file, a link or an empty directory, or with -r all that is below it.

import { isDirectory } from '../../host/vmfs/file-descriptors.ts'
import { type Found, lookup, walkTree } from '../../host/vmfs/path-lookup.ts'
import { FILE_TYPE } from '../../host/vmfs/structures/file-descriptor.ts'
import type { WritableVolume } from '../../host/vmfs/writable-volume.ts'
import { command } from '../command.ts'
import { counted, type Progress, startProgress } from './progress.ts'
import { NO_SYNC, VOLUME_OPTIONS, VOLUME_POSITIONAL, withWritable } from './volume-options.ts'

export const vmfsRm = command({
  name: 'rm',
  describe: 'Remove a file or directory of a volume',
  examples: [
    ['lunette vmfs rm disk.img /iso/debian.iso', 'A file, a link or an empty directory'],
    ['lunette vmfs rm -r disk.img /iso', 'A directory with all that is below it'],
  ],
  positionals: { ...VOLUME_POSITIONAL, path: { type: 'string', demandOption: true, describe: 'What is removed' } },
  options: {
    recursive: { alias: 'r', type: 'boolean', default: false, describe: 'A directory with all that is below it' },
    ...NO_SYNC,
    ...VOLUME_OPTIONS,
  },
  run: (args, terminal) =>
    withWritable(args, terminal, async (volume, interrupt) => {
      const found = await lookup(volume.volume, args.path, { follow: false })
      const progress = startProgress('rm', counted('file'), terminal)
      try {
        if (!isDirectory(found.file.meta)) await volume.removeFile(args.path)
        else if (args.recursive) await removeTree(volume, found, interrupt, progress)
        else await volume.removeDirectory(args.path)
      } finally {
        progress.end()
      }
      return 0
    }),
})

/** What is deepest goes first. */
async function removeTree(
  volume: WritableVolume,
  from: Found,
  interrupt: AbortSignal,
  progress: Progress,
): Promise<void> {
  const below: { path: string; directory: boolean }[] = [{ path: from.path, directory: true }]
  for await (const { path, file } of walkTree(volume.volume, from))
    if (file.meta.type !== FILE_TYPE.system) below.push({ path, directory: isDirectory(file.meta) })
  const total = below.length
  for (const [done, { path, directory }] of below.reverse().entries()) {
    interrupt.throwIfAborted()
    if (directory && path === '/') continue
    await (directory ? volume.removeDirectory(path) : volume.removeFile(path))
    progress.update({ done, total })
  }
  progress.step(counted('file')(total))
}
