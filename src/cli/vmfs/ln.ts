// lunette vmfs ln -s VOLUME TARGET PATH: makes a symbolic link.

import { command, UsageError } from '../command.ts'
import { VOLUME_OPTIONS, VOLUME_POSITIONAL, withWritable } from './volume-options.ts'

export const vmfsLn = command({
  name: 'ln',
  describe: 'Make a symbolic link on a volume',
  examples: [['lunette vmfs ln -s disk.img debian-12.iso /iso/debian.iso', 'The target may be relative to the link']],
  positionals: {
    ...VOLUME_POSITIONAL,
    target: { type: 'string', demandOption: true, describe: 'Where it leads, whether or not that exists' },
    path: { type: 'string', demandOption: true, describe: 'The link' },
  },
  options: {
    symbolic: { alias: 's', type: 'boolean', default: false, describe: 'A symbolic link: the only kind there is' },
    ...VOLUME_OPTIONS,
  },
  async run(args, terminal) {
    if (!args.symbolic) throw new UsageError('A volume has no links but symbolic ones: give -s')
    return await withWritable(args, terminal, async (volume) => {
      await volume.makeLink(args.target, args.path)
      return 0
    })
  },
})
