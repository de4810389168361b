// lunette vmfs truncate VOLUME PATH SIZE: makes a file as long as that.

import { parseSize, SIZE_FORMS } from '../../config/size.ts'
import { lookup } from '../../host/vmfs/path-lookup.ts'
import { command, UsageError } from '../command.ts'
import { VOLUME_OPTIONS, VOLUME_POSITIONAL, withWritable } from './volume-options.ts'

export const vmfsTruncate = command({
  name: 'truncate',
  describe: 'Make a file of a volume shorter, or longer by a hole that reads as zeros',
  examples: [['lunette vmfs truncate disk.img /vm/flat.vmdk 40GiB', 'A file that is not there is made']],
  positionals: {
    ...VOLUME_POSITIONAL,
    path: { type: 'string', demandOption: true, describe: 'The file; made if it does not exist' },
    size: { type: 'string', demandOption: true, describe: `Its length: ${SIZE_FORMS}` },
  },
  options: VOLUME_OPTIONS,
  async run(args, terminal) {
    const size = parseSize(args.size)
    if (size === undefined) throw new UsageError(`SIZE: found ${args.size}; allowed: ${SIZE_FORMS}`)
    return await withWritable(args, terminal, async (volume) => {
      const there = await lookup(volume.volume, args.path).catch(() => undefined)
      if (!there) await volume.putFile(args.path, nothing())
      await volume.truncate(args.path, size)
      return 0
    })
  },
})

async function* nothing(): AsyncGenerator<Uint8Array> {}
