// vmfs-tools and vmfs6-tools on images that `lunette vmfs` formats and fills: everything of vmfs-format.md section 14 and 10,000
// files in a tree, read back and checked by programs that know nothing of us.

import type { Suite } from '../suite.ts'
import type { VmfsCheck } from '../vmfs/check.ts'
import { checksOf } from '../vmfs/checks.ts'
import { OutputError } from '../vmfs/output.ts'
import { Volumes } from '../vmfs/volumes.ts'
import { type Check, checkCases, requireThat, runChecks } from './checks.ts'

const IQN = 'iqn.2026-11.io.lunette:vmfs-tools'
const SEED = 5
const CHECKS: readonly VmfsCheck[] = [...checksOf(5), ...checksOf(6)]

export const VMFS_TOOLS: Suite = {
  name: 'vmfs-tools',
  about: 'debugvmfs, fsck.vmfs and vmfs-fuse on VMFS-5 and VMFS-6 volumes that Lunette formats and fills',
  tools: {
    ...{ debugvmfs: 'vmfs-tools', 'fsck.vmfs': 'vmfs-tools', 'vmfs-fuse': 'vmfs-tools' },
    ...{ debugvmfs6: 'vmfs6-tools', 'vmfs6-fuse': 'vmfs6-tools', umount: 'mount' },
  },
  ownOnly: true,
  cases: async () => checkCases(withVolumes(new Volumes(SEED))),
  /** The volumes are images: a LUN is what suites/vmfs-lun.ts reads them from. */
  array: () => ({ targets: [{ iqn: IQN, luns: [] }] }),
  run: (bench, cases) => runChecks(bench, IQN, withVolumes(new Volumes(SEED)), cases),
}

const withVolumes = (volumes: Volumes): Check[] =>
  CHECKS.map(({ kind, test, run }) => ({
    kind,
    test,
    async run(tools) {
      try {
        await run(tools, volumes)
      } catch (error) {
        if (error instanceof OutputError) requireThat(false, 'the tool should end well', error.message)
        throw error
      }
    },
  }))
