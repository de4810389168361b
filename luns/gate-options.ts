// What the gate can be asked beside a range.

import type { Stop } from './pacer.ts'

export interface GateOptions {
  /** Every write is on stable storage before its promise resolves. */
  readonly writeThrough: boolean
}

export interface WriteSameOptions {
  /** A block of zeroes may free the range. */
  readonly unmap: boolean
  /** The range has its place on the medium afterwards: zeroes are written like other data. */
  readonly anchor?: boolean
  readonly fua: boolean
  readonly stop?: Stop
}

/** Told when a comparison has been decided, with the range locked: MATCH or the first byte that differs, and what the medium holds. */
export type Judged = (index: number, medium: Buffer) => void

export interface CompareAndWriteOptions {
  readonly stop?: Stop | undefined
  readonly judged?: Judged | undefined
}

export interface CopyOptions {
  readonly stop?: Stop
  /** Told the bytes copied so far, after every piece. */
  readonly progress?: (bytes: number) => void
}
