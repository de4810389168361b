import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { VmfsError } from '../../../../src/host/vmfs/errors.ts'
import {
  ADDRESSES5,
  ADDRESSES6,
  type AddressParts,
  decodeFdAddress,
  encodeFdAddress,
  SYSTEM_FD,
} from '../../../../src/host/vmfs/structures/address.ts'

const block = (kind: 'file block' | 'large file block', number: number, cow = false, toBeZeroed = 0) => ({
  ...{ kind, block: number, cow, toBeZeroed },
})
const resource = (
  kind: 'sub-block' | 'pointer block' | 'pb2 block' | 'file descriptor' | 'journal block',
  cluster: number,
  number: number,
  cow = false,
) => ({ kind, cluster, resource: number, cow })

describe('VMFS5, 32 bits (vmfs-format.md, 7)', () => {
  test.each([
    ['file block 5', 0x141n, block('file block', 5)],
    ['the last file block of 2 TiB', 0x7fffc1n + 0x7800000n, block('file block', 0x1fffff)],
    ['copy on write', 0x151n, block('file block', 5, true)],
    ['to be zeroed', 0x161n, block('file block', 5, false, 1)],
    ['sub-block 1 of cluster 4', 0x10000102n, resource('sub-block', 4, 1)],
    ['sub-block 31: two bits more', 0xf000010an, resource('sub-block', 4, 31)],
    ['sub-block 63', 0xf000001an, resource('sub-block', 0, 63)],
    ['a shared sub-block', 0x10000122n, resource('sub-block', 4, 1, true)],
    ['pointer block 2 of cluster 3', 0x200000c3n, resource('pointer block', 3, 2)],
    ['descriptor 1', 0x00400004n, resource('file descriptor', 0, 1)],
    ['pb2 block', 0x200000c5n, resource('pb2 block', 3, 2)],
    ['a hole', 0n, { kind: 'hole' } as const],
  ])('%s', (_, raw, address) => {
    expect(ADDRESSES5.decode(raw)).toEqual(address)
    expect(ADDRESSES5.encode(address)).toBe(raw)
  })

  test.each([
    ['type 0 with a number', 0x140n],
    ['type 6', 0x146n],
    ['type 7', 0x147n],
  ])('%s is damage', (_, raw) => {
    expect(() => ADDRESSES5.decode(raw)).toThrow(VmfsError)
    expect(() => ADDRESSES5.decode(raw)).toThrow(`0x${raw.toString(16)}`)
  })
})

describe('VMFS6, 64 bits (vmfs-format.md, 7)', () => {
  test.each([
    ['file block 8', 0x0040000000000001n, block('file block', 8)],
    ['file block 512 is the first of cluster 1', 0x8001n, block('file block', 512)],
    ['file block 1023', 0x0ff8000000008001n, block('file block', 1023)],
    ['an eighth to be zeroed', 0x0040000000000081n, block('file block', 8, false, 1)],
    ['all of it to be zeroed', 0x0040000000007f81n, block('file block', 8, false, 255)],
    ['sub-block 1', 0x0100000000000002n, resource('sub-block', 0, 1)],
    ['sub-block 255 of cluster 255', 0xff00000000003fc2n, resource('sub-block', 255, 255)],
    ['pointer block', 0x0200000000000043n, resource('pointer block', 1, 2)],
    ['descriptor 8', 0x02000004n, resource('file descriptor', 0, 8)],
    ['pb2 block', 0x5n, resource('pb2 block', 0, 0)],
    ['journal block 7 of cluster 3', 0x1c00001en, resource('journal block', 3, 7)],
    ['large file block 3', 0x18007n, block('large file block', 3)],
    ['a hole', 0n, { kind: 'hole' } as const],
  ])('%s', (_, raw, address) => {
    expect(ADDRESSES6.decode(raw)).toEqual(address)
    expect(ADDRESSES6.encode(address)).toBe(raw)
  })

  test.each([
    ['type 0 with a number', 0x8000n],
    ['the index 512 in a cluster of 512', 0x1000000000000001n],
  ])('%s is damage', (_, raw) => {
    expect(() => ADDRESSES6.decode(raw)).toThrow(VmfsError)
  })
})

const numbers = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 })

test.each([
  ['VMFS5', ADDRESSES5, { block: 26, cluster: 22, sub: 6, pointer: 4, zeroed: 1 }],
  ['VMFS6', ADDRESSES6, { block: 40, cluster: 36, sub: 8, pointer: 8, zeroed: 8 }],
] as const)('%s: an address in a list is what was written', (_, format, bits) => {
  const addresses: fc.Arbitrary<AddressParts> = fc.oneof(
    fc.record({
      kind: fc.constant('file block' as const),
      block: fc.nat({ max: 2 ** bits.block - 1 }),
      cow: fc.boolean(),
      toBeZeroed: numbers(bits.zeroed),
    }),
    fc.record({
      kind: fc.constant('sub-block' as const),
      cluster: fc.nat({ max: 2 ** bits.cluster - 1 }),
      resource: numbers(bits.sub),
      cow: fc.boolean(),
    }),
    fc.record({
      kind: fc.constantFrom('pointer block' as const, 'pb2 block' as const),
      cluster: fc.nat({ max: 2 ** bits.cluster - 1 }),
      resource: numbers(bits.pointer),
      cow: fc.boolean(),
    }),
    fc.constant({ kind: 'hole' as const }),
  )
  const list = Buffer.alloc(3 * format.bytes, 0xee)
  fc.assert(
    fc.property(addresses, (address) => {
      format.write(list, format.bytes, address)
      expect(format.read(list, format.bytes)).toEqual(address)
      expect(list[format.bytes - 1]).toBe(0xee)
      expect(list[2 * format.bytes]).toBe(0xee)
    }),
  )
})

test('any 64 bits are an address or damage, and nothing else', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (raw) => {
      try {
        expect(ADDRESSES6.decode(raw).kind).toBeTypeOf('string')
      } catch (error) {
        expect(error).toMatchObject({ name: 'VmfsError', problem: 'damaged' })
      }
    }),
  )
})

test.each<[string, () => unknown]>([
  ['a file block beyond 26 bits', () => ADDRESSES5.encode({ kind: 'file block', block: 2 ** 26 })],
  ['sub-block 64', () => ADDRESSES5.encode({ kind: 'sub-block', cluster: 0, resource: 64 })],
  ['a negative cluster', () => ADDRESSES6.encode({ kind: 'sub-block', cluster: -1, resource: 0 })],
  ['half a block', () => ADDRESSES6.encode({ kind: 'file block', block: 0.5 })],
  ['a journal block on VMFS5', () => ADDRESSES5.encode({ kind: 'journal block', cluster: 0, resource: 0 })],
  ['descriptor 1024 of a cluster', () => encodeFdAddress(0, 1024)],
])('%s is refused', (_, encode) => {
  expect(encode).toThrow(RangeError)
})

test('descriptors: the system files have the first ones of cluster 0', () => {
  expect(SYSTEM_FD).toEqual({
    ...{ root: 0x00000004, fbb: 0x00400004, fdc: 0x00800004, pbc: 0x00c00004, sbc: 0x01000004 },
    ...{ vh: 0x01400004, pb2: 0x01800004, sdd: 0x01c00004, jbc: 0x02000004 },
  })
  expect(decodeFdAddress(encodeFdAddress(0xffff, 1023))).toEqual({ cluster: 0xffff, resource: 1023 })
  expect(encodeFdAddress(0xffff, 1023)).toBe(0xffffffc4 - 0x0)
  for (const raw of [0, 0x141, 0xffffffff]) expect(() => decodeFdAddress(raw)).toThrow(VmfsError)
})
