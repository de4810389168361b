// The two kinds of sectors by which hosts exclude each other, decoded from the notes on the format (4 and 5) alone: the judge of
// the hosts may share nothing with what it judges.

/** A host, by the heartbeat slot and the generation that it had when it took a lock. */
export interface Holder {
  readonly host: string
  readonly slot: number
  readonly generation: bigint
}

export interface Slot {
  readonly used: boolean
  readonly host: string
  readonly generation: bigint
  readonly stampUs: bigint
  /** Who replays its host's journal. */
  readonly replayer: Holder | undefined
}

export interface Lock {
  readonly mode: 'free' | 'exclusive' | 'readOnly' | 'multiWriter'
  readonly holders: readonly Holder[]
}

export const SECTOR_BYTES = 512
const FREE = 0xabcdef01
const USED = 0xabcdef02
const FIRST_LOCK_TYPE = 0x10c00001
const LAST_LOCK_TYPE = 0x10c00008
const MODES = ['free', 'exclusive', 'readOnly', 'multiWriter'] as const
const MAX_HOLDERS = 8
const HOLDERS_AT = 0x44
const HOLDER_BYTES = 32
const NIL = '00000000-00000000-0000-000000000000'

/** As VMFS writes one: two words and a half word little-endian, then six bytes. */
function uuid(image: Buffer, at: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0')
  const words = [hex(image.readUInt32LE(at), 8), hex(image.readUInt32LE(at + 4), 8), hex(image.readUInt16LE(at + 8), 4)]
  return [...words, image.toString('hex', at + 10, at + 16)].join('-')
}

/** Nothing for a sector that is no heartbeat slot at this offset of the volume. */
export function decodeSlot(image: Buffer, offset: number): Slot | undefined {
  const state = image.readUInt32LE(0)
  if ((state !== FREE && state !== USED) || image.readBigUInt64LE(4) !== BigInt(offset)) return undefined
  const replayHost = uuid(image, 0x6c)
  const slot = Number(image.readBigUInt64LE(0x94))
  const replayer = { host: replayHost, slot, generation: image.readBigUInt64LE(0x9c) }
  return {
    ...{ used: state === USED, host: uuid(image, 0x1c), generation: image.readBigUInt64LE(0x0c) },
    ...{ stampUs: image.readBigUInt64LE(0x14), replayer: replayHost === NIL ? undefined : replayer },
  }
}

/** Nothing for a sector that is no lock at this offset of the volume. */
export function decodeLock(image: Buffer, offset: number): Lock | undefined {
  const type = image.readUInt32LE(0)
  if (type < FIRST_LOCK_TYPE || type > LAST_LOCK_TYPE || image.readBigUInt64LE(4) !== BigInt(offset)) return undefined
  const mode = MODES[image.readUInt32LE(0x24)]
  if (mode === undefined) return undefined
  if (mode === 'free') return { mode, holders: [] }
  const count = Math.min(image.readUInt32LE(0x40), MAX_HOLDERS)
  if (mode !== 'exclusive' && count > 0)
    return { mode, holders: Array.from({ length: count }, (_, i) => shared(image, i)) }
  const [host, slot, generation] = [uuid(image, 0x28), Number(image.readBigUInt64LE(0x0c)), image.readBigUInt64LE(0x14)]
  return { mode, holders: [{ host, slot, generation }] }
}

function shared(image: Buffer, index: number): Holder {
  const at = HOLDERS_AT + index * HOLDER_BYTES
  const slot = Number(image.readBigUInt64LE(at))
  return { host: uuid(image, at + 16), slot, generation: image.readBigUInt64LE(at + 8) }
}

export const sameHolder = (a: Holder, b: Holder): boolean =>
  a.host === b.host && a.slot === b.slot && a.generation === b.generation

export const describe = ({ host, slot, generation }: Holder): string =>
  `${host} (slot at ${slot}, generation ${generation})`
