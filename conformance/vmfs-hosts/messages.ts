// What the run asks the processes of hosts to do, and what they tell.

import type { LockingSettings } from '../../src/host/index.ts'
import type { Piece } from './content.ts'

export type Operation =
  | {
      readonly kind: 'open'
      readonly url: string
      readonly initiatorName: string
      readonly locking: Partial<LockingSettings>
    }
  /** As a host that loses power: the session ends without a word. */
  | { readonly kind: 'destroy' }
  | { readonly kind: 'close' }
  | { readonly kind: 'put'; readonly path: string; readonly piece: Piece }
  | { readonly kind: 'append'; readonly path: string; readonly at: number; readonly piece: Piece }
  | { readonly kind: 'truncate'; readonly path: string; readonly length: number }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'makeDirectory'; readonly path: string }
  | { readonly kind: 'removeDirectory'; readonly path: string }
  /** Takes the locks of a directory and of a file in it, so that whoever held them is dead and replayed, or done. */
  | { readonly kind: 'settle'; readonly paths: readonly string[] }
  | { readonly kind: 'look'; readonly path: string; readonly prefix?: number }
  | { readonly kind: 'list'; readonly path: string }
  /** Of a file, exclusively, until `release`. */
  | { readonly kind: 'hold'; readonly path: string }
  | { readonly kind: 'release' }

/** To a process: what one of its hosts is to do. */
export interface Request {
  readonly id: number
  readonly host: number
  readonly operation: Operation
}

/** What stands at a path; `prefix` is of the first bytes that were asked for. */
export interface Seen {
  readonly kind: 'file' | 'directory' | 'nothing'
  readonly length?: number
  readonly digest?: string
  readonly prefix?: string
}

export interface Answer {
  readonly id: number
  readonly error?: { readonly problem?: string; readonly message: string }
  /** Of `open`: the UUID of the host. */
  readonly uuid?: string
  readonly seen?: Seen
  readonly names?: readonly string[]
}

/** From a process, unasked. */
export interface HostEvent {
  readonly host: number
  readonly event: string
  readonly text: string
}
