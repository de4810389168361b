import { describe, expect, test } from 'vitest'
import {
  decodeOperatingParameters,
  encodeOperatingParameters,
} from '../../../protocol/scsi/extended-copy-parameters.ts'
import { bothWays, hex, onlyWireErrors } from './support.ts'

describe('operating parameters (SPC-4 6.23.3)', () => {
  const codec = { encode: encodeOperatingParameters, decode: decodeOperatingParameters }
  const wire = hex(`0000002a 01 000000 0002 0003 00000400 10000000 00000005 00000006 00000007 0000
    0009 08 09 0a 0b 000000 02 02 e4`)
  const values = {
    snlid: true,
    maximumCscdDescriptorCount: 2,
    maximumSegmentDescriptorCount: 3,
    maximumDescriptorListLength: 0x400,
    maximumSegmentLength: 0x10000000,
    maximumInlineDataLength: 5,
    heldDataLimit: 6,
    maximumStreamDeviceTransferSize: 7,
    totalConcurrentCopies: 9,
    maximumConcurrentCopies: 8,
    dataSegmentGranularity: 9,
    inlineDataGranularity: 10,
    heldDataGranularity: 11,
    implementedDescriptors: [0x02, 0xe4],
  }

  test('both ways; AVAILABLE DATA counts what follows it', () => {
    bothWays(codec, wire, values)
    expect(wire.length - 4).toBe(0x2a)
  })

  test('the descriptor types are sent in ascending order', () => {
    const data = encodeOperatingParameters({ ...values, implementedDescriptors: [0xe4, 0x0a, 0x02] })
    expect(data.subarray(43)).toEqual(hex('03 02 0a e4'))
  })

  test('only WireErrors', () => {
    onlyWireErrors(decodeOperatingParameters, wire)
  })
})
