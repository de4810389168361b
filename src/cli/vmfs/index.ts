// lunette vmfs: volumes of VMFS-5 and VMFS-6 on LUNs, disks and images. A new command is a file and a row here.

import type { Group } from '../command.ts'
import { vmfsCat } from './cat.ts'
import { vmfsCheck } from './check.ts'
import { vmfsFormat } from './format.ts'
import { vmfsGet } from './get.ts'
import { vmfsHeartbeats } from './heartbeats.ts'
import { vmfsInfo } from './info.ts'
import { vmfsLn } from './ln.ts'
import { vmfsLockmode } from './lockmode.ts'
import { vmfsLocks } from './locks.ts'
import { vmfsLs } from './ls.ts'
import { vmfsMkdir } from './mkdir.ts'
import { vmfsMount } from './mount.ts'
import { vmfsMv } from './mv.ts'
import { vmfsPut } from './put.ts'
import { vmfsRm } from './rm.ts'
import { vmfsStorm } from './storm.ts'
import { vmfsTruncate } from './truncate.ts'

export const vmfs: Group = {
  kind: 'group',
  name: 'vmfs',
  describe: 'Make and use VMFS-5 and VMFS-6 volumes on any LUN, or in image files',
  examples: [
    ['lunette vmfs format disk.img --size 10GiB --label datastore1', 'Make a volume'],
    ['lunette vmfs put disk.img debian.iso /debian.iso', 'Put a file on it'],
    ['lunette vmfs ls -l disk.img', 'See what is there'],
  ],
  commands: [
    ...[vmfsFormat, vmfsInfo, vmfsLs, vmfsCat, vmfsPut, vmfsGet, vmfsRm],
    vmfsMount,
    ...[vmfsMkdir, vmfsMv, vmfsLn, vmfsTruncate, vmfsCheck, vmfsHeartbeats, vmfsLocks, vmfsLockmode, vmfsStorm],
  ],
}
