// One command by which initiators exclude each other: COMPARE AND WRITE, RESERVE and RELEASE, PERSISTENT RESERVE OUT. What came
// of it, and for COMPARE AND WRITE the images: what the initiator expected, what it wanted to write, what the medium held.

import { createHash } from 'node:crypto'
import type { Nexus } from './nexus.ts'

/**
 * 'accepted': it took effect. 'miscompare': the medium held something else. 'conflict': RESERVATION CONFLICT. 'aborted': it never
 * happened. 'failed': any other status. 'written': not one of these commands, but it changed a block that they are about.
 */
export type Verdict = 'accepted' | 'miscompare' | 'conflict' | 'aborted' | 'failed' | 'written'

export interface LockImages {
  /** Copies, for as long as the event is among the last; then digests alone are left. */
  readonly expected: Buffer | string
  readonly replacement: Buffer | string
  /** What the medium held where that is not what was expected, and the first byte that differs. */
  readonly found?: Buffer | string
  readonly differsAt?: number
}

export interface LockEvent {
  /** In the order in which they took effect on the logical unit. */
  readonly number: number
  /** Milliseconds since 1970. */
  readonly at: number
  /** "iqn...,i,0x00023d000001" and "iqn...,t,0x0001"; none where nobody can be named: a copy, a background operation. */
  readonly nexus: Pick<Nexus, 'initiatorPort' | 'targetPort'> | undefined
  readonly command: string
  verdict: Verdict
  /** False: the initiator was not told, for it had aborted the command or was gone. */
  answered: boolean
  readonly lba: number | undefined
  readonly blocks: number | undefined
  images: LockImages | undefined
}

/** What `--trace` writes, and what the control socket says. */
export interface LockEventJson {
  readonly number: number
  readonly at: string
  readonly initiatorPort?: string
  readonly targetPort?: string
  readonly command: string
  readonly verdict: Verdict
  readonly answered: boolean
  readonly lba?: number
  readonly blocks?: number
  /** Of the images: the first 16 digits of their SHA-256. */
  readonly expected?: string
  readonly replacement?: string
  readonly found?: string
  readonly differsAt?: number
}

export function toLockEventJson(event: LockEvent): LockEventJson {
  const { number, at, nexus, command, verdict, answered, lba, blocks, images } = event
  return {
    number,
    at: new Date(at).toISOString(),
    ...(nexus && { initiatorPort: nexus.initiatorPort, targetPort: nexus.targetPort }),
    ...{ command, verdict, answered },
    ...(lba !== undefined && { lba, blocks: blocks ?? 0 }),
    ...(images && digested(images)),
  }
}

export function digested({ expected, replacement, found, differsAt }: LockImages) {
  return {
    expected: digestOf(expected),
    replacement: digestOf(replacement),
    ...(found !== undefined && { found: digestOf(found) }),
    ...(differsAt !== undefined && { differsAt }),
  }
}

const DIGEST_DIGITS = 16

const digestOf = (image: Buffer | string): string =>
  typeof image === 'string' ? image : createHash('sha256').update(image).digest('hex').slice(0, DIGEST_DIGITS)
