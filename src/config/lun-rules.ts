// What the keys of one LUN must be to each other. Runs on LUNs whose every key is right by itself.

import { formatSize } from './size.ts'

/** The keys that have rules between them. */
interface Lun {
  readonly store: { readonly type: 'sparse' | 'file' | 'memory' | 'null' }
  readonly size: number
  readonly blockSize: number
  readonly physicalBlockSize: number
  readonly provisioning: 'thin' | 'thick'
  readonly pool: string
  readonly vaai: { readonly ats: boolean; readonly delete: boolean }
  readonly limits: {
    readonly compareAndWriteBlocks: number
    readonly unmapBlocks: number
    readonly unmapDescriptors: number
    readonly transferBlocks: number
    readonly atomicBlocks: number
    readonly atomicAlignmentBlocks: number
    readonly atomicGranularityBlocks: number
    readonly copySegmentBytes: number
  }
}

interface Issues {
  addIssue(issue: { code: 'custom'; path: PropertyKey[]; message: string }): void
}

type Rule = (lun: Lun) => [path: string[], allowed: string] | undefined

/** What one WRITE ATOMIC holds in memory, and once more to put back where the medium fails. */
const MAX_ATOMIC_BYTES = 32 * 2 ** 20

const RULES: readonly Rule[] = [
  // READ CAPACITY(16) has room for the exponent alone (SBC-4 5.21.2).
  ({ physicalBlockSize: physical, blockSize }) =>
    isPowerOfTwo(physical / blockSize) && physical / blockSize < 2 ** 16
      ? undefined
      : [['physicalBlockSize'], `blockSize, ${blockSize}, times a power of two`],
  ({ size, blockSize, physicalBlockSize: physical }) => {
    if (size < physical) return [['size'], `at least one block, ${physical}`]
    if (size % blockSize !== 0) return [['size'], `a multiple of blockSize, ${blockSize}`]
    return size % physical === 0 ? undefined : [['size'], `a multiple of physicalBlockSize, ${physical}`]
  },
  ({ store, provisioning }) =>
    store.type === 'file' && provisioning === 'thin'
      ? [['provisioning'], 'thick (a file store is fully allocated; the sparse store is thin)']
      : undefined,
  ({ store, provisioning }) =>
    store.type === 'sparse' && provisioning === 'thick'
      ? [['provisioning'], 'thin (a sparse store allocates on write; the file store is thick)']
      : undefined,
  ({ store, provisioning, pool }) => {
    if (pool === 'none') return undefined
    if (provisioning === 'thick') return [['pool'], 'none (a thick LUN takes nothing from a pool)']
    return store.type === 'null' ? [['pool'], 'none (a null store takes nothing from a pool)'] : undefined
  },
  // Zero says that there is no such command (SBC-4 6.6.4), and the switch says that there is.
  ({ vaai, limits }) =>
    vaai.ats && limits.compareAndWriteBlocks === 0
      ? [['limits', 'compareAndWriteBlocks'], 'at least 1 while vaai.ats is true']
      : undefined,
  ({ vaai, limits }) =>
    vaai.delete && limits.unmapBlocks === 0
      ? [['limits', 'unmapBlocks'], 'at least 1 while vaai.delete is true']
      : undefined,
  ({ vaai, limits }) =>
    vaai.delete && limits.unmapDescriptors === 0
      ? [['limits', 'unmapDescriptors'], 'at least 1 while vaai.delete is true']
      : undefined,
  ({ limits: { atomicBlocks, transferBlocks } }) =>
    atomicBlocks > transferBlocks && transferBlocks !== 0
      ? [['limits', 'atomicBlocks'], `at most transferBlocks, ${transferBlocks}`]
      : undefined,
  ({ limits: { atomicBlocks }, blockSize }) =>
    atomicBlocks > MAX_ATOMIC_BYTES / blockSize
      ? [['limits', 'atomicBlocks'], `at most ${MAX_ATOMIC_BYTES / blockSize} blocks of ${blockSize}`]
      : undefined,
  ({ limits: { atomicBlocks, atomicGranularityBlocks: granularity } }) =>
    granularity > atomicBlocks
      ? [['limits', 'atomicGranularityBlocks'], `at most atomicBlocks, ${atomicBlocks}`]
      : undefined,
  // Nothing is claimed for a command that is not there (SBC-4 6.6.4).
  ({ limits: { atomicBlocks, atomicAlignmentBlocks: alignment } }) =>
    atomicBlocks === 0 && alignment !== 0
      ? [['limits', 'atomicAlignmentBlocks'], '0 while atomicBlocks is 0']
      : undefined,
  ({ limits, blockSize }) =>
    limits.copySegmentBytes % blockSize === 0
      ? undefined
      : [['limits', 'copySegmentBytes'], `a multiple of blockSize, ${formatSize(blockSize)}`],
]

export function checkLun(lun: Lun, issues: Issues): void {
  for (const rule of RULES) {
    const [path, message] = rule(lun) ?? []
    if (path && message) issues.addIssue({ code: 'custom', path, message })
  }
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value)) && value >= 1
}
