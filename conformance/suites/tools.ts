// libiscsi's small tools, which many users try first: discovery, INQUIRY, capacity, write protection, a short load.

import type { Suite } from '../suite.ts'
import { type Check, checkCases, requireThat, runChecks } from './checks.ts'

const IQN = 'iqn.2026-11.io.lunette:tools'
const MIB = 1024 * 1024
const SIZE_MIB = 256
const LUN = 0

/** The VPD pages that iscsi-inq decodes, and what it must print of each. */
const PAGES: readonly { page: number; name: string; says: readonly RegExp[] }[] = [
  { page: 0x00, name: 'SUPPORTED VPD PAGES', says: [/^Page:0x83 /m, /^Page:0xb0 /m, /^Page:0xb1 /m, /^Page:0xb2 /m] },
  { page: 0x80, name: 'UNIT SERIAL NUMBER', says: [/^Unit Serial Number:\[ *\S+ *\]$/m] },
  { page: 0x83, name: 'DEVICE IDENTIFICATION', says: [/^Association:\(0\) LOGICAL_UNIT\nDesignator Type:\(3\) NAA$/m] },
  {
    page: 0xb0,
    name: 'BLOCK LIMITS',
    says: [/^wsnz:0$/m, /^maximum compare and write length:255$/m, /^maximum unmap lba count:4294967295$/m],
  },
  { page: 0xb1, name: 'BLOCK DEVICE CHARACTERISTICS', says: [/^Medium Rotation Rate:/m] },
  {
    page: 0xb2,
    name: 'LOGICAL BLOCK PROVISIONING',
    says: [/^lbpu:1$/m, /^lbpws:1$/m, /^lbpws10:1$/m, /^lbprz:1$/m, /^anc_sup:1$/m, /^provisioning type:2$/m],
  },
]

function says(output: string, pattern: RegExp) {
  requireThat(pattern.test(output), `the tool should print ${pattern}`, output)
}

const check = (test: string, run: Check['run']): Check => ({ kind: 'thin512', test, run })

/** iscsi-perf runs for two seconds and prints a line of IOPS at its end. */
const load = (test: string, ...options: string[]) =>
  check(test, async ({ run, url }) => {
    const output = await run(['iscsi-perf', '-t', '2', ...options, url(LUN)])
    const iops = [...output.matchAll(/iops(?: average)? (?<iops>\d+)/g)].at(-1)?.groups?.iops
    requireThat(Number(iops) > 0, 'iscsi-perf should report I/O', output)
  })

const CHECKS: readonly Check[] = [
  check('iscsi-ls: discovery', async ({ run, portal }) => {
    says(await run(['iscsi-ls', `iscsi://${portal()}`]), new RegExp(`^Target:${IQN} Portal:${portal()},1$`, 'm'))
  }),
  check('iscsi-ls: LUNs', async ({ run, portal }) => {
    says(await run(['iscsi-ls', '-s', `iscsi://${portal()}`]), /^Lun:\d+ +Type:DIRECT_ACCESS \(Size:25[56]M\)$/m)
  }),
  check('iscsi-inq: standard data', async ({ run, url }) => {
    const output = await run(['iscsi-inq', url(LUN)])
    says(output, /^Peripheral Qualifier:CONNECTED$/m)
    says(output, /^Peripheral Device Type:DIRECT_ACCESS$/m)
    says(output, /^Version:6 /m)
    says(output, /^3PC:1$/m)
    says(output, /^CmdQue:1$/m)
    says(output, /^Vendor:LUNETTE/m)
    says(output, /^Product:VIRTUAL DISK/m)
    says(output, /^Version Descriptor:04c0 /m)
  }),
  ...PAGES.map(({ page, name, says: patterns }) =>
    check(`iscsi-inq: ${name}`, async ({ run, url }) => {
      const output = await run(['iscsi-inq', '-e', '1', '-c', `${page}`, url(LUN)])
      for (const pattern of patterns) says(output, pattern)
    }),
  ),
  check('iscsi-inq: a page that does not exist is refused', async ({ run, url }) => {
    says(await run(['iscsi-inq', '-e', '1', '-c', '153', url(LUN)], 'failure'), /INVALID_FIELD_IN_CDB/)
  }),
  check('iscsi-readcapacity16', async ({ run, url }) => {
    const output = await run(['iscsi-readcapacity16', url(LUN)])
    says(output, new RegExp(`^RETURNED LOGICAL BLOCK ADDRESS:${(SIZE_MIB * MIB) / 512 - 1}$`, 'm'))
    says(output, /^LOGICAL BLOCK LENGTH IN BYTES:512$/m)
    says(output, /^LBPME:1 LBPRZ:1$/m)
    says(await run(['iscsi-readcapacity16', '-s', url(LUN)]), new RegExp(`^${SIZE_MIB * MIB}$`, 'm'))
  }),
  check('iscsi-swp: software write protection', async ({ run, url }) => {
    says(await run(['iscsi-swp', url(LUN)]), /^SWP:0$/m)
    await run(['iscsi-swp', '-s', 'on', url(LUN)])
    says(await run(['iscsi-swp', url(LUN)]), /^SWP:1$/m)
    await run(['iscsi-swp', '-s', 'off', url(LUN)])
    says(await run(['iscsi-swp', url(LUN)]), /^SWP:0$/m)
  }),
  load('iscsi-perf: sequential 256 KiB reads', '-m', '8', '-b', '512'),
  load('iscsi-perf: random 4 KiB reads at depth 32', '-r', '-m', '32', '-b', '8'),
]

export const TOOLS: Suite = {
  name: 'tools',
  about: "libiscsi's iscsi-ls, iscsi-inq, iscsi-readcapacity16, iscsi-swp and iscsi-perf",
  tools: Object.fromEntries(
    ['iscsi-ls', 'iscsi-inq', 'iscsi-readcapacity16', 'iscsi-swp', 'iscsi-perf'].map((tool) => [tool, 'libiscsi-bin']),
  ),
  cases: async () => checkCases(CHECKS),
  array: () => ({ targets: [{ iqn: IQN, luns: [{ id: LUN, size: `${SIZE_MIB}MiB`, provisioning: 'thin' }] }] }),
  run: (bench, cases) => runChecks(bench, IQN, CHECKS, cases),
}
