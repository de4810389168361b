// lunette vmfs mv VOLUME FROM TO: moves or renames a file or directory.

import { command } from '../command.ts'
import { insideDirectory } from './put.ts'
import { VOLUME_OPTIONS, VOLUME_POSITIONAL, withWritable } from './volume-options.ts'

export const vmfsMv = command({
  name: 'mv',
  describe: 'Move or rename a file or directory of a volume; a file of that name is replaced',
  examples: [
    ['lunette vmfs mv disk.img /new.iso /iso/debian.iso', 'To another directory, by another name'],
    ['lunette vmfs mv disk.img /new.iso /iso', 'Into a directory'],
  ],
  positionals: {
    ...VOLUME_POSITIONAL,
    from: { type: 'string', demandOption: true, describe: 'What is moved' },
    to: { type: 'string', demandOption: true, describe: 'Where it goes' },
  },
  options: VOLUME_OPTIONS,
  run: (args, terminal) =>
    withWritable(args, terminal, async (volume) => {
      await volume.rename(args.from, await insideDirectory(volume, args.to, args.from))
      return 0
    }),
})
