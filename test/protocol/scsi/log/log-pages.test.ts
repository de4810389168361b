import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeLogPage,
  decodeLogPages,
  decodeLogParameters,
  encodeLogPage,
  encodeLogParameters,
  type LogPage,
  type LogParameter,
  PARAMETER_FORMAT,
} from '../../../../protocol/scsi/log/page.ts'
import {
  CYCLE_COUNT,
  EXCEPTIONS,
  IDLE_TIME,
  RESOURCE_COUNT,
  RESOURCE_SCOPE,
  STATISTICS,
  TEMPERATURE,
  TIME_INTERVAL,
} from '../../../../protocol/scsi/log/parameters.ts'
import {
  decodeSupportedLogSubpages,
  encodeSupportedLogPages,
  encodeSupportedLogSubpages,
} from '../../../../protocol/scsi/log/supported-pages.ts'
import { WireError } from '../../../../protocol/wire/error.ts'
import type { Layout } from '../../../../protocol/wire/layout.ts'
import { bothWays, bytesOf, hex, identity, onlyWireErrors, valuesOf } from '../support.ts'

const PAGE = { encode: encodeLogPage, decode: decodeLogPage }
const PARAMETERS = { encode: encodeLogParameters, decode: decodeLogParameters }

describe('log pages (SPC-4 7.3.2)', () => {
  test.each<[string, string, LogPage]>([
    ['a page', '8d 00 0002 abcd', { ds: true, pageCode: 0x0d, subpageCode: 0, body: hex('abcd') }],
    ['a subpage has SPF set', '59 20 0001 00', { ds: false, pageCode: 0x19, subpageCode: 0x20, body: hex('00') }],
    ['an empty page', '00 00 0000', { ds: false, pageCode: 0, subpageCode: 0, body: hex('') }],
  ])('%s: both ways, cut at every length', (_, wire, page) => bothWays(PAGE, hex(wire), page))

  test('without SPF the subpage code means nothing', () => expect(decodeLogPage(hex('0d 07 0000')).subpageCode).toBe(0))

  test('inverse, and only WireErrors', () => {
    const code = fc.record({ pageCode: fc.nat(0x3f), subpageCode: fc.nat(0xff) })
    identity(
      PAGE,
      fc.tuple(fc.boolean(), code, bytesOf(0, 40)).map(([ds, codes, body]) => ({ ds, ...codes, body })),
    )
    onlyWireErrors(decodeLogPage, hex('0c 00 000c 0001 03 08 00000010 02 000000'))
  })
})

describe('log parameters (SPC-4 7.3.2.2)', () => {
  const list: LogParameter[] = [
    { parameterCode: 1, du: false, tsd: true, tmc: 0, format: PARAMETER_FORMAT.BINARY_LIST, value: hex('00000010') },
    { parameterCode: 0x8002, du: true, tsd: false, tmc: 2, format: PARAMETER_FORMAT.BOUNDED_COUNTER, value: hex('') },
  ]
  const wire = '0001 23 04 00000010 8002 88 00'

  test('both ways', () => {
    expect(encodeLogParameters(list)).toEqual(hex(wire))
    expect(decodeLogParameters(hex(wire))).toEqual(list)
    expect(decodeLogParameters(hex(''))).toEqual([])
  })

  test.each([
    ['3 bytes of a header', '0001 23', 0],
    ['a value that ends early', '0001 23 04 000000', 3],
    ['a second one that ends early', '0001 23 00 0002 03 01', 7],
  ])('%s: a WireError with its offset', (_, cut, offset) =>
    expect(() => decodeLogParameters(hex(cut))).toThrow(expect.objectContaining({ problem: 'truncated', offset })),
  )

  test('inverse, and only WireErrors', () => {
    const parameter = fc.record({
      parameterCode: fc.nat(0xffff),
      du: fc.boolean(),
      tsd: fc.boolean(),
      tmc: fc.nat(3),
      format: fc.nat(3),
      value: bytesOf(0, 20),
    })
    identity(PARAMETERS, fc.array(parameter, { maxLength: 6 }))
    onlyWireErrors(decodeLogParameters, hex(wire))
  })
})

describe('the list of LOG SELECT (SPC-4 6.7)', () => {
  test('pages one after the other, each with its place', () => {
    expect(decodeLogPages(hex('0d 00 0002 abcd 59 20 0000'))).toEqual([
      { ds: false, pageCode: 0x0d, subpageCode: 0, body: hex('abcd'), offset: 0, bodyOffset: 4 },
      { ds: false, pageCode: 0x19, subpageCode: 0x20, body: hex(''), offset: 6, bodyOffset: 10 },
    ])
    expect(decodeLogPages(hex(''))).toEqual([])
  })

  test.each([
    ['a header that ends early', '0d 00 00', 0],
    ['a page that ends early', '0d 00 0003 0000', 2],
    ['a second page that ends early', '0d 00 0000 19 00 0001', 6],
  ])('%s: a WireError with its offset in the list', (_, wire, offset) =>
    expect(() => decodeLogPages(hex(wire))).toThrow(expect.objectContaining({ problem: 'truncated', offset })),
  )
})

describe('supported pages (00h) and subpages (00h/FFh)', () => {
  test('one byte a page, two a subpage', () => {
    expect(encodeSupportedLogPages([0, 0x0c, 0x2f])).toEqual(hex('00 00 0003 00 0c 2f'))
    const codes = [
      { pageCode: 0, subpageCode: 0 },
      { pageCode: 0, subpageCode: 0xff },
      { pageCode: 0x19, subpageCode: 0 },
    ]
    const wire = encodeSupportedLogSubpages(codes)
    expect(wire).toEqual(hex('40 ff 0006 0000 00ff 1900'))
    expect(decodeSupportedLogSubpages(decodeLogPage(wire).body)).toEqual(codes)
    expect(() => decodeSupportedLogSubpages(hex('00 00 0c'))).toThrow(WireError)
  })
})

describe('values of parameters', () => {
  test.each<[string, Layout, string, object]>(
    [
    ['LBA mapping resource count (0Ch)', RESOURCE_COUNT, '00000123 02 000000', { resourceCount: 0x123, scope: RESOURCE_SCOPE.SHARED }],
    ['temperature (0Dh)', TEMPERATURE, '00 ff', { celsius: 255 }],
    ['cycle count (0Eh)', CYCLE_COUNT, '00000007', { cycles: 7 }],
    [
      'general access statistics (19h)', STATISTICS,
      '0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005 0000000000000006 0000000000000007 0000000000000008',
      {
        readCommands: 1n, writeCommands: 2n, blocksReceived: 3n, blocksTransmitted: 4n, readIntervals: 5n,
        writeIntervals: 6n, weightedCommands: 7n, weightedIntervals: 8n,
      },
    ],
    ['idle time (19h)', IDLE_TIME, '0000000000000009', { idleIntervals: 9n }],
    ['time interval (19h)', TIME_INTERVAL, '00000003 00000032', { exponent: 3, integer: 50 }],
    ['informational exceptions (2Fh)', EXCEPTIONS, '5d 00 1e 41', { asc: 0x5d, ascq: 0, celsius: 30, tripCelsius: 65 }],
  ] /* biome-ignore format: one parameter a row */,
  )('%s', (_, layout, wire, values) => {
    bothWays(layout, hex(wire), values as ReturnType<Layout['decode']>)
    identity(layout, valuesOf(layout))
  })
})
