// What is measured, and how much faster than tgt it shall be. A new workload is one row.

const KIB = 1024

export interface Workload {
  readonly name: string
  /** iscsi-perf only reads; qemu-img bench knows no random offsets, it steps. */
  readonly client: 'iscsi-perf' | 'qemu-img'
  readonly access: 'read' | 'write'
  /** Bytes of one request. */
  readonly length: number
  /** Requests under way in each session. */
  readonly queue: number
  readonly random: boolean
  readonly sessions: number
  /** Ratio to tgt that a release must not fall below. */
  readonly atLeast?: number
  /** Ratio to tgt that the design aims at. */
  readonly target?: number
  /** Share of the ceiling that the design aims at. */
  readonly ofCeiling?: number
}

const reads = { client: 'iscsi-perf', access: 'read', sessions: 1 } as const
const writes = { client: 'qemu-img', access: 'write', sessions: 1 } as const
const small = { length: 4 * KIB, random: true } as const
const large = { length: 256 * KIB, random: false } as const

// biome-ignore format: one line a workload
export const WORKLOADS: readonly Workload[] = [
  { name: '4 KiB random read, queue 1', ...reads, ...small, queue: 1, atLeast: 1.1, target: 1.25 },
  { name: '4 KiB random read, queue 32', ...reads, ...small, queue: 32, atLeast: 2.0, target: 3.0, ofCeiling: 0.85 },
  { name: '4 KiB random read, queue 32, 2 sessions', ...reads, ...small, queue: 32, sessions: 2 },
  { name: '256 KiB sequential read, queue 8', ...reads, ...large, queue: 8, atLeast: 1.0, target: 1.2 },
  { name: '4 KiB random write, queue 1', ...writes, ...small, queue: 1, target: 1.15 },
  { name: '4 KiB random write, queue 32', ...writes, ...small, queue: 32, atLeast: 1.0, target: 1.4 },
  { name: '256 KiB sequential write, queue 8', ...writes, ...large, queue: 8, atLeast: 1.0, target: 2.0 },
]
