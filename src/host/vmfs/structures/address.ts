// Addresses of blocks and resources (notes, 7). Bits 2 to 0 give the kind; the rest differs with the version: VMFS5
// packs an address in 32 bits, VMFS6 in 64, and both name file descriptors in 32. Address 0 is a hole.

import { VmfsError } from '../errors.ts'

interface Hole {
  readonly kind: 'hole'
}
/** A block of the volume by its number: 1 MiB each, or 512 MiB for a large file block. */
export interface BlockAddress {
  readonly kind: 'file block' | 'large file block'
  readonly block: number
  /** Copy on write: the block is shared. */
  readonly cow: boolean
  /** To be zeroed: parts that read as zero whatever the medium holds. VMFS5 has one bit, VMFS6 one for each eighth. */
  readonly toBeZeroed: number
}
/** A resource of a resource file. */
export interface ResourceAddress {
  readonly kind: ResourceKind
  readonly cluster: number
  readonly resource: number
  readonly cow: boolean
}
export type ResourceKind = 'sub-block' | 'pointer block' | 'file descriptor' | 'pb2 block' | 'journal block'
export type Address = Hole | BlockAddress | ResourceAddress

/** What is to be written; flags that are left out are clear. */
export type AddressParts =
  | Hole
  | { kind: BlockAddress['kind']; block: number; cow?: boolean; toBeZeroed?: number }
  | { kind: ResourceKind; cluster: number; resource: number; cow?: boolean }

/** Some bits of an address: the lowest one and how many. A value in several pieces lists them from its low end up. */
type Piece = readonly [low: number, width: number]
type Part = 'block' | 'cluster' | 'resource' | 'cow' | 'toBeZeroed'
interface Layout {
  readonly type: number
  readonly kind: Exclude<Address['kind'], 'hole'>
  readonly parts: Partial<Record<Part, readonly Piece[]>>
  /** Bits of a number that is larger than any volume has. */
  readonly zero?: Piece
}

const FD: Layout = { type: 4, kind: 'file descriptor', parts: { cluster: [[6, 16]], resource: [[22, 10]] } }

const resources5 = { cluster: [[6, 22]], resource: [[28, 4]], cow: [[5, 1]] } as const
const LAYOUTS5: readonly Layout[] = [
  { type: 1, kind: 'file block', parts: { block: [[6, 26]], cow: [[4, 1]], toBeZeroed: [[5, 1]] } },
  // Two more bits of the resource under the flag "32 sub-blocks per cluster" of the descriptor.
  { type: 2, kind: 'sub-block', parts: { ...resources5, resource: [...resources5.resource, [3, 2]] } },
  { type: 3, kind: 'pointer block', parts: resources5 },
  FD,
  { type: 5, kind: 'pb2 block', parts: resources5 },
]

const resources6 = { cluster: [[6, 36]], resource: [[56, 8]], cow: [[5, 1]] } as const
const LAYOUTS6: readonly Layout[] = [
  // A small file block is number `index` of 512 in its cluster.
  {
    type: 1,
    kind: 'file block',
    parts: {
      block: [
        [51, 9],
        [15, 31],
      ],
      cow: [[5, 1]],
      toBeZeroed: [[7, 8]],
    },
    zero: [60, 4],
  },
  { type: 2, kind: 'sub-block', parts: resources6 },
  { type: 3, kind: 'pointer block', parts: resources6 },
  FD,
  { type: 5, kind: 'pb2 block', parts: resources6 },
  { type: 6, kind: 'journal block', parts: { cluster: [[3, 13]], resource: [[26, 6]] } },
  { type: 7, kind: 'large file block', parts: { block: [[15, 31]], toBeZeroed: [[7, 8]] } },
]

/** How one version packs its addresses. */
export interface AddressFormat {
  /** Of one address in a list of them. */
  readonly bytes: 4 | 8
  /** @throws VmfsError 'damaged' for a kind or a number that the version has not */
  decode(raw: bigint): Address
  /** @throws RangeError for a number that does not fit */
  encode(address: AddressParts): bigint
  read(source: Buffer, at: number): Address
  write(target: Buffer, at: number, address: AddressParts): void
}

export const ADDRESSES5: AddressFormat = addressFormat(4, LAYOUTS5)
export const ADDRESSES6: AddressFormat = addressFormat(8, LAYOUTS6)

/** The 32-bit address of a file descriptor, the same in both versions. */
export const encodeFdAddress = (cluster: number, resource: number): number =>
  Number(pack(FD, { kind: 'file descriptor', cluster, resource }))

/** @throws VmfsError 'damaged' for what names no file descriptor */
export function decodeFdAddress(raw: number): { cluster: number; resource: number } {
  if ((raw & 7) !== FD.type) throw damaged(BigInt(raw), 'is not the address of a file descriptor')
  const bits = BigInt(raw)
  return { cluster: unpack(bits, FD.parts.cluster), resource: unpack(bits, FD.parts.resource) }
}

const system = (resource: number) => encodeFdAddress(0, resource)

/** The descriptors that stand at the same place on every volume. */
export const SYSTEM_FD = {
  root: system(0),
  fbb: system(1),
  fdc: system(2),
  pbc: system(3),
  sbc: system(4),
  vh: system(5),
  pb2: system(6),
  sdd: system(7),
  /** VMFS6 alone; the first descriptor of a user's file on VMFS5. */
  jbc: system(8),
} as const

function addressFormat(bytes: 4 | 8, layouts: readonly Layout[]): AddressFormat {
  const decode = (raw: bigint): Address => {
    if (raw === 0n) return { kind: 'hole' }
    const layout = layouts.find(({ type }) => type === Number(raw & 7n))
    if (!layout) throw damaged(raw, `has no kind that this version knows`)
    if (layout.zero && unpack(raw, [layout.zero]) !== 0) throw damaged(raw, `names no block of a cluster`)
    return parts(layout, raw)
  }
  const encode = (address: AddressParts): bigint => {
    if (address.kind === 'hole') return 0n
    const layout = layouts.find(({ kind }) => kind === address.kind)
    if (!layout) throw new RangeError(`this version has no address of a ${address.kind}`)
    return pack(layout, address)
  }
  return {
    bytes,
    decode,
    encode,
    read: (source, at) => decode(bytes === 4 ? BigInt(source.readUInt32LE(at)) : source.readBigUInt64LE(at)),
    write(target, at, address) {
      if (bytes === 4) target.writeUInt32LE(Number(encode(address)), at)
      else target.writeBigUInt64LE(encode(address), at)
    },
  }
}

function parts({ kind, parts }: Layout, raw: bigint): Address {
  const cow = unpack(raw, parts.cow) === 1
  if (kind === 'file block' || kind === 'large file block')
    return { kind, block: unpack(raw, parts.block), cow, toBeZeroed: unpack(raw, parts.toBeZeroed) }
  return { kind, cluster: unpack(raw, parts.cluster), resource: unpack(raw, parts.resource), cow }
}

function unpack(raw: bigint, pieces: readonly Piece[] = []): number {
  let value = 0
  let scale = 1
  for (const [low, width] of pieces) {
    value += Number((raw >> BigInt(low)) & ((1n << BigInt(width)) - 1n)) * scale
    scale *= 2 ** width
  }
  return value
}

function pack(layout: Layout, address: Exclude<AddressParts, Hole>): bigint {
  const values: Readonly<Record<string, unknown>> = { ...address }
  let raw = BigInt(layout.type)
  for (const [part, pieces] of Object.entries(layout.parts)) {
    const value = Number(values[part] ?? 0)
    let rest = value
    for (const [low, width] of pieces) {
      raw |= BigInt(rest % 2 ** width) << BigInt(low)
      rest = Math.floor(rest / 2 ** width)
    }
    if (!Number.isSafeInteger(value) || value < 0 || rest > 0)
      throw new RangeError(`${part} ${value} does not fit the address of a ${layout.kind}`)
  }
  return raw
}

function damaged(raw: bigint, what: string): VmfsError {
  return new VmfsError('damaged', `address 0x${raw.toString(16)} ${what}`)
}
