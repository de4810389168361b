// The kinds of LUN that the libiscsi suite runs on, and which of its tests can run on each: a row of the matrix a kind, so
// that nothing is skipped. A test that is not in a row has another row that can run it; the coverage line counts them.

import type { LunSpec } from './targets/array.ts'

export interface LunKind {
  readonly name: string
  readonly about: string
  readonly lun: Omit<LunSpec, 'id'>
  runs(test: string): boolean
  /** Once more on a LUN of its own, in one process and one session per suite, as a user runs the tool. */
  readonly together?: boolean
  /** The multipath tests want a second path to the LUN. */
  readonly paths?: 2
}

/** What only a LUN of its own can run: two paths, a medium that can be ejected, one that cannot be written. */
const ELSEWHERE = /^(MultipathIO|NoMedia|PreventAllow|StartStopUnit|ReadOnly)\./
/** More than one logical block per physical block (SBC-4 5.16.2). */
const UNALIGNED = /^(CompareAndWrite\.InvalidDataOutSize|WriteSame1[06]\.(InvalidDataOutSize|UnmapUnaligned))$/
/** An alignment and a granularity of atomic writes (SBC-4 6.6.4). */
const ALIGNED = /^WriteAtomic16\.VPD$/
/** Logical block provisioning (LBPME), WRITE SAME of zero blocks (WSNZ 0), SANITIZE BLOCK ERASE: a thick LUN has none. */
const THIN =
  /^(Inquiry\.BlockLimits|GetLBAStatus\.UnmapSingle|Unmap\..+|WriteSame1[06]\.(Unmap|UnmapUntilEnd|ZeroBlocks)|Sanitize\.(BlockErase|Readonly|Reservations))$/
const ON_512E =
  /^(CompareAndWrite|WriteSame1[06]|Unmap|WriteAtomic16|Inquiry|iSCSIResiduals)\.|\.Dpo(Fua)?$|^GetLBAStatus\.(Simple|BeyondEol)$/
const READING =
  /^(Inquiry|Mandatory|Read6|Read1[026]|ReadCapacity1[06]|Verify1[026]|Prefetch1[06]|ReportSupportedOpcodes|TestUnitReady|ReadDefectData1[02])\./

const onADisk = (test: string) => !ELSEWHERE.test(test) && !UNALIGNED.test(test) && !ALIGNED.test(test)

/** Sanitize.Reset looks at an OVERWRITE that must still run after ten seconds or so. */
const SANITIZE_SECONDS = 10

const THIN_512 = {
  size: '256MiB',
  provisioning: 'thin',
  sanitizeSeconds: SANITIZE_SECONDS,
} as const satisfies LunKind['lun']

export const LUN_KINDS: readonly LunKind[] = [
  {
    name: 'thin512',
    about: '512-byte blocks, thin, write same to the end, anchor, DPO and FUA',
    lun: THIN_512,
    runs: onADisk,
    together: true,
  },
  {
    name: 'thick512',
    about: '512-byte blocks, thick: no LBPME, WSNZ = 1',
    lun: {
      ...THIN_512,
      provisioning: 'thick',
      limits: { writeSameZeroMeansEnd: false, anchor: false },
    },
    runs: (test) => onADisk(test) && !THIN.test(test),
    together: true,
  },
  {
    name: 'thin4Kn',
    about: '4096-byte blocks, thin',
    lun: { ...THIN_512, size: '200MiB', blockSize: 4096, physicalBlockSize: 4096 },
    runs: onADisk,
  },
  {
    name: 'thin512e',
    about: '512-byte blocks on 4096-byte physical blocks, no DPO and FUA, no anchor, short limits',
    lun: {
      ...THIN_512,
      physicalBlockSize: 4096,
      dpoFua: false,
      limits: {
        compareAndWriteBlocks: 1,
        writeSameBlocks: 1024,
        anchor: false,
        atomicAlignmentBlocks: 8,
        atomicGranularityBlocks: 8,
      },
    },
    runs: (test) => ON_512E.test(test),
  },
  {
    name: 'twoPaths',
    about: 'thin512 by way of two portals, each a target portal group',
    lun: THIN_512,
    runs: (test) => test.startsWith('MultipathIO.'),
    paths: 2,
  },
  {
    name: 'removable',
    about: 'thin512 with a medium that can be ejected (RMB 1)',
    lun: { ...THIN_512, removable: true },
    runs: (test) => /^(NoMedia|PreventAllow|StartStopUnit)\./.test(test),
  },
  {
    name: 'readOnly',
    about: 'thin512, write protected',
    lun: { ...THIN_512, readOnly: true },
    runs: (test) => READING.test(test) || test.startsWith('ReadOnly.'),
  },
  {
    name: 'spc3',
    about: 'thin512 that reports VERSION 5',
    lun: { ...THIN_512, scsiVersion: 5 },
    runs: (test) => /^(ExtendedCopy|Inquiry)\./.test(test),
  },
  {
    name: 'thinWsnz',
    about: 'thin512 whose WRITE SAME of zero blocks is refused (WSNZ 1), as arrays for VMware have it',
    lun: { ...THIN_512, limits: { writeSameZeroMeansEnd: false } },
    runs: (test) => /^(WriteSame1[06]|Inquiry)\./.test(test) && !UNALIGNED.test(test) && !/\.ZeroBlocks$/.test(test),
  },
]
