import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeUnmapList, encodeUnmapList, unmapDescriptorOffset } from '../../../protocol/scsi/unmap-list.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import { bothWays, hex, identity, onlyWireErrors } from './support.ts'

const codec = { encode: encodeUnmapList, decode: decodeUnmapList }
const FIRST = '0000000100000002 00000003 00000000'
const SECOND = 'ffffffffffffffff ffffffff 00000000'

describe('UNMAP parameter list (SBC-3 5.28.2)', () => {
  test('both ways; the header is what must be there', () => {
    const descriptors = [
      { lba: 0x1_0000_0002n, blocks: 3 },
      { lba: 2n ** 64n - 1n, blocks: 0xffffffff },
    ]
    bothWays(codec, hex(`0026 0020 00000000 ${FIRST} ${SECOND}`), descriptors, 8)
    bothWays(codec, hex('0006 0000 00000000'), [])
    expect([0, 1].map(unmapDescriptorOffset)).toEqual([8, 24])
  })

  test('a length of 1 to 7 bytes is no list', () => {
    for (let length = 1; length < 8; length++) expect(() => decodeUnmapList(Buffer.alloc(length))).toThrow(WireError)
  })

  test('a last descriptor that is not whole is ignored: by its length, or because the list ends', () => {
    expect(decodeUnmapList(hex(`0026 001f 00000000 ${FIRST} ${SECOND}`))).toHaveLength(1)
    expect(decodeUnmapList(hex(`0026 0020 00000000 ${FIRST} ffff`))).toHaveLength(1)
    expect(decodeUnmapList(hex('0016 000f 00000000 000000000000000000000000000000'))).toEqual([])
  })

  test('descriptors after the block descriptor data length are not read', () => {
    expect(decodeUnmapList(hex(`0016 0010 00000000 ${FIRST} ${SECOND}`))).toHaveLength(1)
  })

  test('inverse, and only WireErrors', () => {
    const descriptor = fc.record({ lba: fc.bigInt(0n, 2n ** 64n - 1n), blocks: fc.nat(0xffffffff) })
    identity(codec, fc.array(descriptor, { maxLength: 10 }))
    onlyWireErrors(decodeUnmapList, hex(`0016 0010 00000000 ${FIRST}`))
  })
})
