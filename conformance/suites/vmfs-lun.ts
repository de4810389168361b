// vmfs-tools on LUNs of the array: volumes that `lunette vmfs` formats and fills by way of its own initiator, read in a stock
// Linux guest through open-iscsi and the kernel. On a block device the tools send RESERVE(6) and RELEASE(6) as they open it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runTool } from '../process.ts'
import { repositoryRoot } from '../root.ts'
import { ends, failureOf, good, type Step } from '../sg3/row.ts'
import type { Bench, Suite, TestCase } from '../suite.ts'
import { smallDataSet, type VmfsVersion } from '../vmfs/data-set.ts'
import { type LocalTree, writeLocalTree } from '../vmfs/local-tree.ts'
import { BANNER6, FSCK_COUNTERS } from '../vmfs/output.ts'
import { GuestShell } from './guest-shell.ts'
import { MACHINE_TOOLS } from './machine.ts'

const IQN = 'iqn.2026-11.io.lunette:vmfs'
const SEED = 6
const FILL_MS = 120_000
const KIND = 'lun'
/** The LUN of each version's volume; in the guest $V5 and $V6 are its disk, $W5 its node by way of another I_T nexus. */
const LUNS: Readonly<Record<VmfsVersion, number>> = { 5: 0, 6: 1 }

/** What comes before a file's content is cut off: vmfs6-tools print their version (gotcha 7). */
const everyFile = (tool: string, version: VmfsVersion, banner: string) =>
  `while read -r sum path; do path=$(echo "$path" | cut -c 2-)
     test "$(${tool} $V${version} cat "$path" | tail -c +${banner.length + 1} | sha256sum)" = "$sum  -"
   done < /tmp/list${version}`
const fuse = (tool: string, version: VmfsVersion) =>
  `mkdir -p /mnt/vmfs; ${tool} $V${version} /mnt/vmfs; trap 'umount /mnt/vmfs' EXIT
   cd /mnt/vmfs; sha256sum -c /tmp/list${version} > /tmp/sums || { grep -v OK /tmp/sums; exit 1; }; readlink one/relative; cd /`
const conflicts = 'dmesg | grep -c "reservation conflict"'

const ROWS: Readonly<Record<string, readonly Step[]>> = {
  'debugvmfs: the volume': [
    good('debugvmfs $V5 show', /Volume Version: 14$/m, /Label: on-lun-5$/m),
    good('debugvmfs $V5 ls -l /', / 8193 .*size-8193\.bin/, / one$/m),
  ],
  'debugvmfs: every file': [good(everyFile('debugvmfs', 5, ''))],
  'debugvmfs: check_vol_bitmaps': [good('debugvmfs $V5 check_vol_bitmaps', /Total errors: 0/)],
  'fsck.vmfs': [good('fsck.vmfs $V5', ...FSCK_COUNTERS.map((counter) => new RegExp(`${counter} *: 0$`, 'm')))],
  'debugvmfs6: the volume': [good('debugvmfs6 $V6 ls -l /', / 65537 .*size-65537\.bin/, / one$/m)],
  'debugvmfs6: every file': [good(everyFile('debugvmfs6', 6, BANNER6))],
  'vmfs-fuse: every file': [good(fuse('vmfs-fuse', 5), /^two\/deep\.bin$/m)],
  'vmfs6-fuse: every file': [good(fuse('vmfs6-fuse', 6), /^two\/deep\.bin$/m)],
  'debugvmfs leaves no reservation': [
    good('debugvmfs $V5 ls /', /size-11\.bin/),
    good('sg_raw $W5 16 00 00 00 00 00; sg_raw $W5 17 00 00 00 00 00'),
  ],
  'debugvmfs asks for a reservation, and reads without one': [
    good('sg_persist -o -G -S 1 $W5; sg_persist -o -R -T 1 -K 1 $W5'),
    good(`before=$(${conflicts} || true); debugvmfs $V5 ls /; test "$(${conflicts})" -gt "$before"`, /size-11\.bin/),
    good('sg_persist -o -C -S 0 -K 1 $W5'),
  ],
  'debugvmfs: the RESERVE(6) of another host keeps it out, with a message': [
    good('sg_raw $W5 16 00 00 00 00 00; echo 3 > /proc/sys/vm/drop_caches'),
    ends(1, 'debugvmfs $V5 ls /', /VMFS/),
    good('sg_raw $W5 17 00 00 00 00 00'),
    good('debugvmfs $V5 ls /', /size-11\.bin/),
  ],
}

export const VMFS_LUN: Suite = {
  name: 'vmfs-lun',
  about: 'vmfs-tools in a Linux virtual machine: volumes that Lunette fills over iSCSI, on its own LUNs',
  tools: MACHINE_TOOLS,
  inMachines: true,
  cases: async () => Object.keys(ROWS).map((test) => ({ kind: KIND, group: test, test })),
  array: () => ({
    targets: [{ iqn: IQN, luns: Object.values(LUNS).map((id) => ({ id, size: '2048MiB', provisioning: 'thin' })) }],
  }),

  async run(bench, cases) {
    const trees = [await fill(bench, 5), await fill(bench, 6)]
    const consoleFile = join(bench.directory, 'console.txt')
    const port = Number(bench.array.portals[0]!.split(':').at(-1))
    const guest = await GuestShell.boot(bench, {
      initiator: 'iqn.2026-11.io.lunette:guest',
      iqn: IQN,
      port,
      consoleFile,
    })
    try {
      await prepare(guest, trees)
      for (const testCase of cases) await runCase(bench, guest, testCase, consoleFile)
    } finally {
      await guest.close()
    }
  },
}

/** Formats the version's LUN and copies the small data set to it. */
async function fill(bench: Bench, version: VmfsVersion): Promise<LocalTree> {
  const tree = writeLocalTree(smallDataSet(version), join(bench.directory, `files-${version}`), SEED)
  const url = bench.array.url(IQN, LUNS[version])
  const lunette = [process.execPath, join(repositoryRoot(), 'dist/src/cli/main.js'), 'vmfs']
  const outputFile = join(bench.directory, `fill-${version}.txt`)
  for (const command of [
    [...lunette, 'format', url, '--version', `${version}`, '--label', `on-lun-${version}`],
    [...lunette, 'put', '--recursive', url, tree.root, '/'],
    [...lunette, 'check', url],
  ]) {
    const { status, output } = await runTool(command, { outputFile, timeoutMs: FILL_MS, signal: bench.signal })
    if (status !== 0) throw new Error(`${command.slice(2).join(' ')} ends with ${status}:\n${output}`)
  }
  return tree
}

/** Logs in twice, names the nodes and leaves the lists of sums. */
async function prepare(guest: GuestShell, trees: readonly LocalTree[]) {
  const [list5, list6] = trees.map(({ listFile }) => readFileSync(listFile, 'utf8'))
  const commands = [
    'log_in; log_in; for session in 1 2; do for lun in 0 1; do wait_until 20 disk_at $session $lun; done; done',
    `{ echo "V5=$(disk_at 1 ${LUNS[5]})"; echo "V6=$(disk_at 1 ${LUNS[6]})"; echo "W5=$(sg_at 2 ${LUNS[5]})"; } > /tmp/environment`,
    'calm $W5',
    `cat > /tmp/list5 << 'END'\n${list5}END`,
    `cat > /tmp/list6 << 'END'\n${list6}END`,
  ]
  for (const command of commands) {
    const { status, output } = await guest.run(command)
    if (status !== 0) throw new Error(`the guest cannot be prepared: ${command} ends with ${status}\n${output}`)
  }
}

async function runCase(bench: Bench, guest: GuestShell, testCase: TestCase, outputFile: string) {
  const started = performance.now()
  const failure = bench.array.ended() ?? (await firstFailure(guest, ROWS[testCase.test]!))
  const durationMs = performance.now() - started
  const outcome = failure === undefined ? 'pass' : 'fail'
  bench.report({ ...testCase, outcome, detail: failure ?? '', durationMs, outputFile })
}

async function firstFailure(guest: GuestShell, steps: readonly Step[]): Promise<string | undefined> {
  for (const step of steps) {
    if (!('command' in step)) continue
    const failure = failureOf(step, await guest.run(step.command))
    if (failure !== undefined) return failure
  }
  return undefined
}
