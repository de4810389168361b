import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { naa, t10VendorId, targetPortGroup } from '../../../../protocol/scsi/designator.ts'
import {
  BLOCK_DEVICE_CHARACTERISTICS,
  NON_ROTATING,
} from '../../../../protocol/scsi/vpd/block-device-characteristics.ts'
import { BLOCK_LIMITS } from '../../../../protocol/scsi/vpd/block-limits.ts'
import {
  decodeDeviceIdentification,
  encodeDeviceIdentification,
} from '../../../../protocol/scsi/vpd/device-identification.ts'
import {
  decodeLogicalBlockProvisioning,
  encodeLogicalBlockProvisioning,
  LBPRZ_ZEROES,
  type LogicalBlockProvisioning,
  PROVISIONING_TYPE,
} from '../../../../protocol/scsi/vpd/logical-block-provisioning.ts'
import { decodeVpdPage, encodeVpdPage, VPD_PAGE, vpdBody } from '../../../../protocol/scsi/vpd/page.ts'
import { decodeSupportedPages, encodeSupportedPages } from '../../../../protocol/scsi/vpd/supported-pages.ts'
import { decodeUnitSerialNumber, encodeUnitSerialNumber } from '../../../../protocol/scsi/vpd/unit-serial-number.ts'
import { WireError } from '../../../../protocol/wire/error.ts'
import { bothWays, hex, identity, onlyWireErrors, valuesOf } from '../support.ts'

describe('VPD page header (SPC-4 7.8.1)', () => {
  test('another page, or one that ends before its PAGE LENGTH: a WireError', () => {
    expect(() => vpdBody(0x80, hex('00 83 0000'))).toThrow('VPD page: pageCode at byte 1: bad value (131 is not 128)')
    expect(() => vpdBody(0x80, hex('00 80 0002 31'))).toThrow(
      'VPD page: pageLength at byte 2: truncated (5 of 6 bytes)',
    )
    expect(() => vpdBody(0x80, hex('00 80 00'))).toThrow(WireError)
  })

  test('bytes after the page, and the peripheral qualifier and type before it, do not matter', () => {
    expect(vpdBody(0x80, hex('1f 80 0001 31 ff'))).toEqual(hex('31'))
  })

  test('PAGE LENGTH has sixteen bits', () => {
    expect(encodeVpdPage(0x83, Buffer.alloc(0x102)).subarray(0, 4)).toEqual(hex('00 83 0102'))
  })
})

describe('Supported VPD Pages (00h)', () => {
  const codec = { encode: (pages: number[]) => encodeSupportedPages(pages), decode: decodeSupportedPages }

  test('both ways, ascending whatever the order given', () => {
    bothWays(codec, hex('00 00 0006 00 80 83 b0 b1 b2'), [0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2])
    expect(encodeSupportedPages([0xb0, 0x00, 0x83])).toEqual(hex('00 00 0003 00 83 b0'))
  })

  test('no input makes the decoder throw anything but a WireError', () => {
    onlyWireErrors(decodeSupportedPages, hex('00 00 0002 00 80'))
  })
})

describe('Unit Serial Number (80h)', () => {
  const codec = { encode: encodeUnitSerialNumber, decode: decodeUnitSerialNumber }

  test('both ways; the blanks that some devices pad with are no part of it', () => {
    bothWays(codec, hex('00 80 0004 41423132'), 'AB12')
    expect(decodeUnitSerialNumber(hex('00 80 0006 202041423132'))).toBe('AB12')
    onlyWireErrors(decodeUnitSerialNumber, hex('00 80 0004 41423132'))
  })

  test('what is encoded decodes to the same', () => {
    identity(codec, fc.stringMatching(/^[!-~]{0,40}$/))
  })
})

describe('Device Identification (83h)', () => {
  const wire = hex(`00 83 0020
    02 01 00 08 4c554e4554544520 01 03 00 08 3123456789abcdef 51 95 00 04 00000001`)
  const designators = [t10VendorId('LUNETTE', ''), naa(hex('3123456789abcdef')), targetPortGroup(1)]

  test('both ways', () => {
    bothWays({ encode: encodeDeviceIdentification, decode: decodeDeviceIdentification }, wire, designators)
  })

  test('a descriptor that the page cuts: a WireError', () => {
    expect(() => decodeDeviceIdentification(hex('00 83 0008 01 03 00 08 31234567'))).toThrow(WireError)
    onlyWireErrors(decodeDeviceIdentification, wire)
  })
})

describe('Block Limits (B0h)', () => {
  const codec = { encode: BLOCK_LIMITS.encode, decode: (source: Buffer) => decodeVpdPage(BLOCK_LIMITS, source) }
  const wire = hex(`00 b0 003c 01 ff 0008
    00010000 00000800 00000001 ffffffff 00000100 00000004 80000003 0000000100000002
    00000100 00000005 00000006 00000007 00000009`)
  const values = {
    wsnz: true,
    maximumCompareAndWriteLength: 255,
    optimalTransferLengthGranularity: 8,
    maximumTransferLength: 65536,
    optimalTransferLength: 2048,
    maximumPrefetchLength: 1,
    maximumUnmapLbaCount: 0xffffffff,
    maximumUnmapBlockDescriptorCount: 256,
    optimalUnmapGranularity: 4,
    ugavalid: true,
    unmapGranularityAlignment: 3,
    maximumWriteSameLength: 0x1_0000_0002n,
    maximumAtomicTransferLength: 256,
    atomicAlignment: 5,
    atomicTransferLengthGranularity: 6,
    maximumAtomicTransferLengthWithAtomicBoundary: 7,
    maximumAtomicBoundarySize: 9,
  }

  test('both ways: 64 bytes, PAGE LENGTH 3Ch', () => {
    expect(wire.length).toBe(64)
    bothWays(codec, wire, values)
  })

  test('the shorter page of SBC-2: what it lacks is zero', () => {
    const sbc2 = Buffer.from(wire.subarray(0, 16))
    sbc2.writeUInt16BE(0x0c, 2)
    expect(codec.decode(sbc2)).toMatchObject({
      maximumTransferLength: 65536,
      optimalTransferLength: 2048,
      maximumPrefetchLength: 0,
      maximumUnmapLbaCount: 0,
      maximumWriteSameLength: 0n,
    })
  })

  test('a longer page of a later standard: the rest is passed over', () => {
    const later = Buffer.concat([wire, Buffer.alloc(4, 0xff)])
    later.writeUInt16BE(0x40, 2)
    expect(codec.decode(later)).toEqual(values)
  })

  test('inverse, and only WireErrors', () => {
    identity(codec, valuesOf(BLOCK_LIMITS))
    onlyWireErrors(codec.decode, wire)
  })
})

describe('Block Device Characteristics (B1h)', () => {
  const codec = {
    encode: BLOCK_DEVICE_CHARACTERISTICS.encode,
    decode: (source: Buffer) => decodeVpdPage(BLOCK_DEVICE_CHARACTERISTICS, source),
  }
  const wire = Buffer.concat([hex('00 b1 003c 0001 02 55 2b 000000 00000e10'), Buffer.alloc(48)])

  test('both ways', () => {
    bothWays(codec, wire, {
      mediumRotationRate: NON_ROTATING,
      productType: 2,
      wabereq: 1,
      wacereq: 1,
      nominalFormFactor: 5,
      zoned: 2,
      rbwz: true,
      bocs: false,
      fuab: true,
      vbuls: true,
      depopulationTime: 3600,
    })
  })

  test('inverse, and only WireErrors', () => {
    identity(codec, valuesOf(BLOCK_DEVICE_CHARACTERISTICS))
    onlyWireErrors(codec.decode, wire)
  })
})

describe('Logical Block Provisioning (B2h)', () => {
  const codec = { encode: encodeLogicalBlockProvisioning, decode: decodeLogicalBlockProvisioning }
  const values: LogicalBlockProvisioning = {
    thresholdExponent: 11,
    lbpu: true,
    lbpws: true,
    lbpws10: true,
    lbprz: LBPRZ_ZEROES,
    ancSup: true,
    minimumPercentage: 0,
    provisioningType: PROVISIONING_TYPE.THIN,
    thresholdPercentage: 0,
  }

  test('both ways, without a provisioning group', () => {
    bothWays(codec, hex('00 b2 0004 0b e6 02 00'), values)
  })

  test('both ways, with one: DP is set', () => {
    const provisioningGroup = naa(hex('3123456789abcdef'))
    bothWays(codec, hex('00 b2 0010 0b e7 02 00 01 03 00 08 3123456789abcdef'), { ...values, provisioningGroup })
  })

  test('DP without a descriptor, or a page that is too short', () => {
    expect(decodeLogicalBlockProvisioning(hex('00 b2 0004 0b e7 02 00'))).toEqual(values)
    expect(() => decodeLogicalBlockProvisioning(hex('00 b2 0002 0b e7'))).toThrow(
      'pageLength at byte 2: bad length (2)',
    )
    expect(() => decodeLogicalBlockProvisioning(hex('00 b2 0006 0b e7 02 00 0103'))).toThrow(WireError)
  })

  test('only WireErrors', () => {
    onlyWireErrors(codec.decode, hex('00 b2 0010 0b e7 02 00 01 03 00 08 3123456789abcdef'))
  })
})

test('each fixed page is the page that its code says', () => {
  expect(BLOCK_LIMITS.encode({})[1]).toBe(VPD_PAGE.BLOCK_LIMITS)
  expect(BLOCK_DEVICE_CHARACTERISTICS.encode({})[1]).toBe(VPD_PAGE.BLOCK_DEVICE_CHARACTERISTICS)
})
