import { describe, expect, test } from 'vitest'
import {
  decodeThirdPartyCopy,
  encodeThirdPartyCopy,
  type ThirdPartyCopy,
} from '../../../../protocol/scsi/vpd/third-party-copy.ts'
import { WireError } from '../../../../protocol/wire/error.ts'
import { bothWays, hex, onlyWireErrors } from '../support.ts'

// SPC-4 7.8.17 and SBC-3 6.5.7, descriptor by descriptor.
const WIRE = hex(`00 8f 0190
  0000 0020 000000000000 0100 00000258 0000003c 0000000000000005 0000000000000006
  0001 000c 09 83 03 00 01 1c 84 02 03 07 0000
  0004 001c 00000000 0010 0040 00001000 00000007 ${'00'.repeat(12)}
  0008 0004 03 02 0a e4
  000c 0004 0002 ffff
  0106 005c 01 ${'00'.repeat(11)} 00000001 ffffffff 00000258 ${'00'.repeat(18)} 0030
    00 00 002c 0000 0008 0000000000000009 000000000000000a 000000000000000b 000000000000000c ${'00'.repeat(8)}
  0108 0084 0000 0080 00800001 83 00 0001 ${'00'.repeat(56)} ffff0001 02 00 0000 ${'00'.repeat(56)}
  8001 0020 000000ff 000000fe 10000000 09 08 ${'00'.repeat(18)}
  c001 001c 0000000d 0e ${'00'.repeat(23)}`)

const PAGE: ThirdPartyCopy = {
  blockDeviceRodLimits: {
    maximumRangeDescriptors: 256,
    maximumInactivityTimeout: 600,
    defaultInactivityTimeout: 60,
    maximumTokenTransferSize: 5n,
    optimalTransferCount: 6n,
  },
  supportedCommands: [
    { opcode: 0x83, serviceActions: [0x00, 0x01, 0x1c] },
    { opcode: 0x84, serviceActions: [0x03, 0x07] },
  ],
  parameterData: {
    maximumCscdDescriptorCount: 16,
    maximumSegmentDescriptorCount: 64,
    maximumDescriptorListLength: 4096,
    maximumInlineDataLength: 7,
  },
  supportedDescriptors: [0x02, 0x0a, 0xe4],
  supportedCscdIds: [0xffff],
  rodTokenFeatures: {
    remoteTokens: 1,
    minimumTokenLifetime: 1,
    maximumTokenLifetime: 0xffffffff,
    maximumTokenInactivityTimeout: 600,
    optimalLengthGranularity: 8,
    maximumBytes: 9n,
    optimalBytes: 10n,
    optimalBytesToTokenPerSegment: 11n,
    optimalBytesFromTokenPerSegment: 12n,
  },
  supportedRods: [
    { rodType: 0x00800001, ecpyInt: true, tokenIn: true, tokenOut: true, preferenceIndicator: 1 },
    { rodType: 0xffff0001, ecpyInt: false, tokenIn: true, tokenOut: false, preferenceIndicator: 0 },
  ],
  generalCopyOperations: {
    totalConcurrentCopies: 255,
    maximumIdentifiedConcurrentCopies: 254,
    maximumSegmentLength: 0x10000000,
    dataSegmentGranularity: 9,
    inlineDataGranularity: 8,
  },
  heldData: { heldDataLimit: 13, heldDataGranularity: 14 },
}

describe('Third-Party Copy (8Fh, SPC-4 7.8.17)', () => {
  test('both ways; PAGE LENGTH, and each descriptor length a multiple of four', () => {
    expect(WIRE.readUInt16BE(2)).toBe(WIRE.length - 4)
    bothWays({ encode: encodeThirdPartyCopy, decode: decodeThirdPartyCopy as () => ThirdPartyCopy }, WIRE, PAGE)
  })

  test('a descriptor that is not known is passed over', () => {
    expect(decodeThirdPartyCopy(hex('00 8f 0014 1234 0004 ffffffff 0008 0008 02 02 e4 0000000000'))).toEqual({
      supportedDescriptors: [0x02, 0xe4],
    })
  })

  test.each([
    ['a descriptor', '00 8f 0008 0008 0008 02 02 e4 00'],
    ['a list of descriptor types', '00 8f 0008 0008 0004 04 02 e4 00'],
    ['a list of service actions', '00 8f 0008 0001 0004 03 83 04 00'],
    ['a list of CSCD identifiers', '00 8f 0008 000c 0004 0004 ffff'],
    ['a list of ROD types', '00 8f 0008 0108 0004 0000 0040'],
  ])('%s that is cut: a WireError', (_, text) => {
    expect(() => decodeThirdPartyCopy(hex(text))).toThrow(WireError)
  })

  test('only WireErrors', () => {
    onlyWireErrors(decodeThirdPartyCopy, WIRE)
  })
})
