// The hash of a name in a VMFS6 directory (notes, 11): Bob Jenkins' 64-bit hash of the name in a buffer of 256 bytes that is
// filled with a constant behind the name. It gives the slot of the directory's hash table, and 16 bits that tell names of one
// slot apart.

import { MAX_NAME_BYTES } from './file-name.ts'

export const HASH_SLOTS = 16001
/** Slots at the end of the root's table that are kept for system files. */
const RESERVED_ROOT_SLOTS = 28
const BUFFER_BYTES = 256
const FILLER = 0x739a75c28e61b017n
const GOLDEN_RATIO = 0x9e3779b97f4a7c13n
const SEED = 42n
const MASK = (1n << 64n) - 1n

/** Found in the root alone, where their slots are fixed. */
const SYSTEM_FILES = 'fbb fdc pbc sbc vh pb2 sdd jbc unmap dfd'.split(' ').map((name) => `.${name}.sf`)
const FIRST_SYSTEM_SLOT = 0x3e66

export interface NameHash {
  /** Of the hash table. */
  readonly slot: number
  /** What a link group keeps beside a location. */
  readonly link: number
  /** What an entry keeps; 0 where the slot is fixed. */
  readonly entry: number
}

/** @throws RangeError for a name that no entry has room for */
export function hashName(name: string, inRoot: boolean): NameHash {
  const system = inRoot ? SYSTEM_FILES.indexOf(name) : -1
  if (system >= 0) return { slot: FIRST_SYSTEM_SLOT + system, link: FIRST_SYSTEM_SLOT + system, entry: 0 }
  const hash = hash64(name)
  const slots = inRoot ? HASH_SLOTS - RESERVED_ROOT_SLOTS : HASH_SLOTS
  return {
    slot: Number(hash % BigInt(slots)),
    link: Number((hash >> 16n) & 0xffffn),
    entry: Number(hash & 0xffffffffn),
  }
}

function hash64(name: string): bigint {
  const raw = Buffer.from(name)
  if (raw.length >= BUFFER_BYTES) throw new RangeError(`a name of ${raw.length} bytes`)
  const buffer = Buffer.alloc(BUFFER_BYTES)
  raw.copy(buffer)
  for (let at = (raw.length + 8) & ~7; at < MAX_NAME_BYTES; at += 8) buffer.writeBigUInt64LE(FILLER, at)
  return jenkins64(buffer)
}

/** Bob Jenkins' public-domain hash of 64-bit words, of 32 of them. */
function jenkins64(buffer: Buffer): bigint {
  const word = (index: number) => buffer.readBigUInt64LE(index * 8)
  const words = BUFFER_BYTES / 8
  let [a, b, c] = [SEED, SEED, GOLDEN_RATIO]
  let index = 0
  for (; index + 3 <= words; index += 3) [a, b, c] = mix(a + word(index), b + word(index + 1), c + word(index + 2))
  return mix(a + word(index), b + word(index + 1), c + BigInt(words))[2]
}

/** One step of the mix: how far, and which way, the variable before it is shifted. */
const ROUNDS: readonly (readonly [a: bigint, b: bigint, c: bigint])[] = [
  [43n, 9n, 8n],
  [38n, 23n, 5n],
  [35n, 49n, 11n],
  [12n, 18n, 22n],
]

function mix(a: bigint, b: bigint, c: bigint): [bigint, bigint, bigint] {
  for (const [forA, forB, forC] of ROUNDS) {
    a = ((a - b - c) & MASK) ^ ((c & MASK) >> forA)
    b = ((b - c - a) & MASK) ^ ((a << forB) & MASK)
    c = ((c - a - b) & MASK) ^ (b >> forC)
  }
  return [a, b, c]
}
