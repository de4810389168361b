import { describe, expect, test } from 'vitest'
import { VmfsError } from '../../../../src/host/vmfs/errors.ts'
import {
  clearContent,
  decodeFileMeta,
  encodeFileMeta,
  FD_SIGNATURE,
  FILE_DESCRIPTOR5,
  FILE_DESCRIPTOR6,
  FILE_TYPE,
  fileAddress,
  residentData,
  setFileAddress,
  setResidentData,
  ZLA,
} from '../../../../src/host/vmfs/structures/file-descriptor.ts'
import { demandFileName } from '../../../../src/host/vmfs/structures/file-name.ts'

const META = {
  ...{ address: 0x02000004, generation: 9, links: 1, type: FILE_TYPE.file, flags: 0, length: 2 ** 40 + 1 },
  ...{ blockBytes: 1 << 20, blocks: 2 ** 33 + 5, modifiedAt: 1, changedAt: 2, accessedAt: 3, uid: 4, gid: 5 },
  ...{ mode: 0o644, zla: ZLA.pointerBlocks, toBeZeroedBlocks: 2 ** 32 + 6, copyOnWriteBlocks: 2 ** 33 + 7 },
  ...{ newBlocks: 2 ** 34 + 8, pointerBlocks: 2, signature: FD_SIGNATURE, affinity: 0x44, toBeZeroedShift: 20 },
  ...{ parent: 4, blockShift: 20 },
}

describe.each([
  ['VMFS5', FILE_DESCRIPTOR5, { bytes: 2048, meta: 512, data: 1024, resident: 1024, first: 1024, last: 255 }],
  ['VMFS6', FILE_DESCRIPTOR6, { bytes: 8192, meta: 4096, data: 4608, resident: 3584, first: 5632, last: 319 }],
])('%s', (_, format, expected) => {
  test('the fields of the notes are where the notes say', () => {
    const image = Buffer.alloc(expected.bytes)
    encodeFileMeta(format, META, image)
    expect(decodeFileMeta(format, image)).toEqual(META)
    const at = (offset: number) => image.readUInt32LE(expected.meta + offset)
    expect([at(0x08), at(0x0c), at(0x40), at(0x44), at(0x70)]).toEqual([1, 3, 0o644, 3, 4])
    expect([at(0x48), at(0x54), at(0x4c), at(0x58), at(0x50), at(0x60)]).toEqual([6, 1, 7, 2, 8, 4])
    expect([at(0x5c), at(0x64)]).toEqual([2, 0x66646d64])
    expect(image[expected.meta + 0x89]).toBe(20)
    expect(image.subarray(0, expected.meta).every((byte) => byte === 0)).toBe(true)
  })

  test('addresses fill the descriptor to its end', () => {
    const image = Buffer.alloc(expected.bytes)
    setFileAddress(format, image, 0, { kind: 'file block', block: 5 })
    setFileAddress(format, image, expected.last, { kind: 'file block', block: 8 })
    expect(fileAddress(format, image, 0)).toMatchObject({ kind: 'file block', block: 5 })
    expect(fileAddress(format, image, 1)).toEqual({ kind: 'hole' })
    expect(fileAddress(format, image, expected.last)).toMatchObject({ kind: 'file block', block: 8 })
    expect(image.subarray(expected.bytes - format.addresses.bytes).some((byte) => byte !== 0)).toBe(true)
    expect(image[expected.first]).toBe(expected.bytes === 2048 ? 0x41 : 0x01)
    expect(() => fileAddress(format, image, expected.last + 1)).toThrow(RangeError)
  })

  test('resident data takes the place of what was there', () => {
    const image = Buffer.alloc(expected.bytes)
    setFileAddress(format, image, 7, { kind: 'file block', block: 5 })
    setResidentData(format, image, Buffer.from('data'))
    expect(residentData(format, image, 4).toString()).toBe('data')
    expect(image.toString('utf8', expected.data, expected.data + 4)).toBe('data')
    clearContent(format, image)
    expect(image.every((byte) => byte === 0)).toBe(true)
    expect(() => setResidentData(format, image, Buffer.alloc(expected.resident + 1))).toThrow(RangeError)
    expect(() => residentData(format, image, expected.resident + 1)).toThrow(VmfsError)
  })

  test('a count beyond 2^53 is damage', () => {
    const image = Buffer.alloc(expected.bytes)
    image.writeUInt32LE(0xffffffff, expected.meta + 0x54)
    expect(() => decodeFileMeta(format, image)).toThrow(VmfsError)
  })
})

describe('file names', () => {
  test.each(['a', 'n'.repeat(127), '文'.repeat(42), '.vmx', '...', ' '])('%j is one', (name) => {
    expect(() => demandFileName(name)).not.toThrow()
  })
  test.each([
    ['', 'it is empty'],
    ['.', 'every directory has it'],
    ['..', 'every directory has it'],
    ['a/b', 'no "/"'],
    ['a\0', 'no zero byte'],
    ['\ud800', 'well-formed'],
    ['n'.repeat(128), 'it has 128 bytes'],
    ['文'.repeat(43), 'it has 129 bytes'],
  ])('%j is none', (name, why) => {
    expect(() => demandFileName(name)).toThrow(why)
  })
})
