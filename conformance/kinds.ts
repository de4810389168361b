// The kinds of LUN that the libiscsi suite runs on, and which of its tests on each. A new kind is one row.
// Where a kind excludes a test, the test still runs, and conformance/expectations says why it is skipped.

import type { LunSpec } from './targets/array.ts'

export interface LunKind {
  readonly name: string
  readonly about: string
  readonly lun: Omit<LunSpec, 'id'>
  /** Tests to run of those in FAMILIES; all of them without it. */
  readonly only?: RegExp
  /** Once more in one process and one session per suite, as a user runs the tool. */
  readonly together?: boolean
  /** The multipath tests want a second path to the LUN. */
  readonly paths?: 2
}

/** The suites of iscsi-test-cu whose commands exist so far. */
export const FAMILIES = new RegExp(
  `^(${[
    'CompareAndWrite|ExtendedCopy|GetLBAStatus|Inquiry|Mandatory|ModeSense6|Prefetch1[06]|Read6|Read1[026]',
    'ReadCapacity1[06]|ReceiveCopyResults|ReportSupportedOpcodes|Reserve6|TestUnitReady|Unmap|Verify1[026]',
    'Write1[026]|WriteSame1[06]|WriteVerify1[026]|iSCSIcmdsn|iSCSIdatasn|iSCSIResiduals|iSCSITMF',
  ].join('|')})\\.`,
)

const ON_512E =
  /^(CompareAndWrite|WriteSame1[06]|Unmap|Inquiry|iSCSIResiduals)\.|\.Dpo(Fua)?$|^GetLBAStatus\.(Simple|BeyondEol)$/

export const LUN_KINDS: readonly LunKind[] = [
  {
    name: 'thin512',
    about: '512-byte blocks, thin, write same to the end, anchor, DPO and FUA',
    lun: { size: '256MiB', provisioning: 'thin' },
    together: true,
  },
  {
    name: 'thick512',
    about: '512-byte blocks, thick: no LBPME, WSNZ = 1',
    lun: { size: '256MiB', provisioning: 'thick', limits: { writeSameZeroMeansEnd: false, anchor: false } },
    together: true,
  },
  {
    name: 'thin512e',
    about: '512-byte blocks on 4096-byte physical blocks, no DPO and FUA, no anchor, short limits',
    lun: {
      size: '256MiB',
      provisioning: 'thin',
      physicalBlockSize: 4096,
      dpoFua: false,
      limits: { compareAndWriteBlocks: 1, writeSameBlocks: 1024, anchor: false },
    },
    only: ON_512E,
  },
  {
    name: 'thin4Kn',
    about: '4096-byte blocks, thin',
    lun: { size: '200MiB', provisioning: 'thin', blockSize: 4096, physicalBlockSize: 4096 },
  },
]
