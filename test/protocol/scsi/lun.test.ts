import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeLun, encodeLun, MAX_LUN, REPORT_LUNS_W_LUN } from '../../../protocol/scsi/lun.ts'
import { decodeReportLuns, encodeReportLuns } from '../../../protocol/scsi/report-luns.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import { bothWays, hex, identity, onlyWireErrors } from './support.ts'

describe('logical unit numbers (SAM-5 4.7)', () => {
  test.each([
    [0, '0000 0000 0000 0000'],
    [255, '00ff 0000 0000 0000'],
    [256, '4100 0000 0000 0000'],
    [MAX_LUN, '7fff 0000 0000 0000'],
    [REPORT_LUNS_W_LUN, 'c101 0000 0000 0000'],
  ])('%i: peripheral device below 256, flat space above, the well-known one', (lun, wire) => {
    expect(encodeLun(lun)).toEqual(hex(wire))
    expect(decodeLun(hex(wire))).toBe(lun)
  })

  test('flat space addressing of a small number is the same logical unit', () => {
    expect(decodeLun(hex('4001 0000 0000 0000'))).toBe(1)
  })

  test.each([
    ['a second level', '0001 0001 0000 0000'],
    ['a bus', '0101 0000 0000 0000'],
    ['bits in the last bytes', '0001 0000 0000 0001'],
    ['logical unit addressing', '8001 0000 0000 0000'],
    ['another well-known logical unit', 'c102 0000 0000 0000'],
    ['extended flat space', 'd200 0001 0000 0000'],
    ['seven bytes', '0001 0000 0000 00'],
  ])('%s: no LUN here', (_, wire) => {
    expect(decodeLun(hex(wire))).toBeUndefined()
  })

  test('in the middle of a buffer', () => {
    const target = Buffer.alloc(12, 0xee)
    encodeLun(300, target, 2)
    expect(target.toString('hex')).toBe('eeee412c000000000000eeee')
    expect(decodeLun(target, 2)).toBe(300)
    expect(decodeLun(target, 5)).toBeUndefined()
  })

  test.each([-1, 1.5, 16384, 65536])('%d is no LUN', (lun) => {
    expect(() => encodeLun(lun)).toThrow(RangeError)
  })

  test('every number comes back', () => {
    identity({ encode: (lun: number) => encodeLun(lun), decode: (wire) => decodeLun(wire)! }, fc.nat(MAX_LUN))
  })
})

describe('REPORT LUNS parameter data (SPC-4 6.33)', () => {
  const wire = hex('00000018 00000000 0000000000000000 4100000000000000 c101000000000000')
  const codec = {
    encode: (list: { total: number; luns: number[] }) => encodeReportLuns(list.luns),
    decode: decodeReportLuns,
  }

  test('both ways; what the allocation length cut is still counted', () => {
    bothWays(codec, wire, { total: 3, luns: [0, 256, REPORT_LUNS_W_LUN] }, 8)
    expect(decodeReportLuns(wire.subarray(0, 23))).toEqual({ total: 3, luns: [0] })
  })

  test('none', () => {
    bothWays(codec, hex('00000000 00000000'), { total: 0, luns: [] })
  })

  test('LUNs of several levels are counted and not listed, bytes after the list not read', () => {
    expect(decodeReportLuns(hex('00000010 00000000 0001000100000000 0002000000000000 0003000000000000'))).toEqual({
      total: 2,
      luns: [2],
    })
  })

  test('a length that is no multiple of eight: a WireError', () => {
    expect(() => decodeReportLuns(hex('00000004 00000000 00000000'))).toThrow(WireError)
    onlyWireErrors(decodeReportLuns, wire)
  })
})
