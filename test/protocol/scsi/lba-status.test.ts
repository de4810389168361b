import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeLbaStatus,
  encodeLbaStatus,
  lbaStatusDescriptorsIn,
  PROVISIONING_STATUS,
} from '../../../protocol/scsi/lba-status.ts'
import { bothWays, hex, identity, onlyWireErrors } from './support.ts'

describe('GET LBA STATUS parameter data (SBC-4 5.5.2)', () => {
  const codec = { encode: encodeLbaStatus, decode: decodeLbaStatus }
  const wire = hex(`00000024 000000 07
    0000000000000000 00000800 00 00 0000
    0000000000000800 fffff800 01 02 0000`)
  const list = {
    completionCondition: 3,
    rtp: true,
    descriptors: [
      { lba: 0n, blocks: 0x800, provisioningStatus: PROVISIONING_STATUS.MAPPED, additionalStatus: 0 },
      { lba: 0x800n, blocks: 0xfffff800, provisioningStatus: PROVISIONING_STATUS.DEALLOCATED, additionalStatus: 2 },
    ],
  }

  test('both ways; what the allocation length cut is not there', () => {
    bothWays(codec, wire, list, 8)
    expect(decodeLbaStatus(wire.subarray(0, 39)).descriptors).toEqual(list.descriptors.slice(0, 1))
  })

  test('PARAMETER DATA LENGTH bounds the list', () => {
    const one = Buffer.from(wire)
    one.writeUInt32BE(0x14, 0)
    expect(decodeLbaStatus(one).descriptors).toHaveLength(1)
  })

  test('descriptors that an allocation length has room for', () => {
    expect([0, 8, 23, 24, 39, 40, 0xffffffff].map(lbaStatusDescriptorsIn)).toEqual([0, 0, 0, 1, 1, 2, 268435455])
  })

  test('inverse, and only WireErrors', () => {
    const descriptor = fc.record({
      lba: fc.bigInt(0n, 2n ** 64n - 1n),
      blocks: fc.nat(0xffffffff),
      provisioningStatus: fc.nat(15),
      additionalStatus: fc.nat(255),
    })
    const lists = fc.record({
      completionCondition: fc.nat(7),
      rtp: fc.boolean(),
      descriptors: fc.array(descriptor, { maxLength: 10 }),
    })
    identity(codec, lists)
    onlyWireErrors(decodeLbaStatus, wire)
  })
})
