import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CACHING } from '../../../../protocol/scsi/mode/caching.ts'
import { CONTROL, CONTROL_EXTENSION } from '../../../../protocol/scsi/mode/control.ts'
import {
  decodeModeParameters,
  decodeModeSelectList,
  encodeModeParameters,
  encodeModeSelectList,
  type ModeCdb,
} from '../../../../protocol/scsi/mode/parameter-list.ts'
import { WireError } from '../../../../protocol/wire/error.ts'
import { hex, onlyWireErrors } from '../support.ts'

const HEADER = { mediumType: 0, wp: true, dpoFua: true }
const SHORT = { blocks: 0x1000n, blockLength: 512, longLba: false }
const LONG = { blocks: 0x1_0000_0002n, blockLength: 4096, longLba: true }
const PAGES = [CACHING.encode({ wce: true }), CONTROL_EXTENSION.encode({ tcmos: true })]
const CACHING_HEX = '08 12 04 00 0000 0000 0000 0000 00 00 0000 00 000000'
const EXTENSION_HEX = `4a 01 001c 04 00 00 ${'00'.repeat(25)}`

describe('MODE SENSE parameter data (SPC-3 7.4.2)', () => {
  const codes = [
    { pageCode: 0x08, subpageCode: 0 },
    { pageCode: 0x0a, subpageCode: 1 },
  ]
  test.each<[string, ModeCdb, Parameters<typeof encodeModeParameters>[1], string, number]>([
    ['(6), no block descriptor', 6, HEADER, '37 00 90 00', 4],
    ['(6), short block descriptor', 6, { ...HEADER, blockDescriptor: SHORT }, '3f 00 90 08 00001000 00 000200', 12],
    ['(10), no block descriptor', 10, HEADER, '003a 00 90 00 00 0000', 8],
    [
      '(10), short block descriptor',
      10,
      { ...HEADER, blockDescriptor: SHORT },
      '0042 00 90 00 00 0008 00001000 00 000200',
      16,
    ],
    [
      '(10), long block descriptor',
      10,
      { ...HEADER, wp: false, blockDescriptor: LONG },
      '004a 00 10 01 00 0010 0000000100000002 00000000 00001000',
      24,
    ],
  ])('%s: both ways, cut at every length', (_, cdb, header, head, start) => {
    const wire = hex(head + CACHING_HEX + EXTENSION_HEX)
    expect(encodeModeParameters(cdb, header, PAGES).toString('hex')).toBe(wire.toString('hex'))
    const { pages, ...rest } = decodeModeParameters(cdb, wire)
    expect(rest).toEqual(header)
    expect(pages.map(({ pageCode, subpageCode }) => ({ pageCode, subpageCode }))).toEqual(codes)
    expect(pages.map(({ bytes, offset }) => [bytes, offset])).toEqual([
      [PAGES[0], start],
      [PAGES[1], start + CACHING.size],
    ])
    for (let length = 0; length < wire.length; length++)
      expect(() => decodeModeParameters(cdb, wire.subarray(0, length))).toThrow(WireError)
    onlyWireErrors((source) => decodeModeParameters(cdb, source), wire)
    onlyWireErrors((source) => decodeModeSelectList(cdb, source), wire)
  })

  test('a capacity over 32 bits: the short form says FFFFFFFFh', () => {
    const wire = encodeModeParameters(6, { ...HEADER, blockDescriptor: { ...LONG, longLba: false } }, [])
    expect(wire.subarray(4, 8)).toEqual(hex('ffffffff'))
  })

  test('MODE SENSE(6) has no long form, and no room for more than 255 bytes', () => {
    expect(() => encodeModeParameters(6, { ...HEADER, blockDescriptor: LONG }, [])).toThrow(RangeError)
    expect(() => encodeModeParameters(6, HEADER, [Buffer.alloc(253)])).toThrow(RangeError)
  })

  test('bytes after MODE DATA LENGTH are not read', () => {
    expect(decodeModeParameters(6, hex('03 00 00 00 08 12')).pages).toEqual([])
    expect(() => decodeModeParameters(6, hex('01 00 00 00'))).toThrow(WireError)
  })
})

describe('MODE SELECT parameter list (SPC-3 7.4.2)', () => {
  test('MODE DATA LENGTH is reserved: sent as zero, not read', () => {
    expect(encodeModeSelectList(6, HEADER, PAGES).subarray(0, 4)).toEqual(hex('00 00 90 00'))
    expect(encodeModeSelectList(10, HEADER, PAGES).subarray(0, 8)).toEqual(hex('0000 00 90 00 00 0000'))
    expect(decodeModeSelectList(6, hex(`ff 00 00 00 ${CACHING_HEX}`)).pages[0]?.bytes).toEqual(PAGES[0])
  })

  test('libiscsi Control-SWP: a header of zeros and one page', () => {
    const { pages, blockDescriptor } = decodeModeSelectList(6, hex('00 00 00 00 0a 0a 00 00 08 00 0000 0000 0000'))
    expect(blockDescriptor).toBeUndefined()
    expect(CONTROL.decode(pages[0]!.bytes).swp).toBe(true)
  })

  test('no pages at all', () => {
    expect(decodeModeSelectList(10, hex('0000 00 00 00 00 0000')).pages).toEqual([])
  })

  test.each<[string, ModeCdb, string, WireError['problem'], number]>([
    ['less than a header', 6, '00 00 00', 'truncated', 3],
    ['a block descriptor of a wrong length', 6, '00 00 00 07 00000000000000', 'bad length', 3],
    ['two block descriptors', 10, `0000 00 00 00 00 0010 ${'00'.repeat(16)}`, 'bad length', 6],
    ['a long block descriptor in a short form', 10, '0000 00 00 01 00 0008 0000000000000000', 'bad length', 6],
    ['a block descriptor that is not there', 6, '00 00 00 08 0000', 'truncated', 3],
    ['one byte of a page header', 6, '00 00 00 00 08', 'truncated', 4],
    ['three bytes of a subpage header', 6, '00 00 00 00 4a 01 00', 'truncated', 4],
    ['a page that ends early', 6, '00 00 00 00 08 12 00', 'truncated', 5],
    ['a subpage that ends early', 10, '0000 00 00 00 00 0000 4a 01 001c 00', 'truncated', 11],
    ['a second page that ends early', 6, '00 00 00 00 0a 02 0000 08 01', 'truncated', 9],
  ])('%s: a WireError with its offset in the list', (_, cdb, wire, problem, offset) => {
    expect(() => decodeModeSelectList(cdb, hex(wire))).toThrow(expect.objectContaining({ problem, offset }))
  })

  test('any list of pages comes back, whatever is in them', () => {
    const code = fc.nat(0x3f)
    const body = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes))
    const page = fc.tuple(code, body).map(([c, b]) => Buffer.concat([Buffer.from([c, b.length]), b]))
    const subpage = fc
      .tuple(code, fc.nat(0xff), body)
      .map(([c, s, b]) => Buffer.concat([Buffer.from([0x40 | c, s, 0, b.length]), b]))
    fc.assert(
      fc.property(fc.array(fc.oneof(page, subpage), { maxLength: 8 }), fc.constantFrom<ModeCdb>(6, 10), (list, cdb) => {
        const { pages } = decodeModeParameters(cdb, encodeModeParameters(cdb, HEADER, list))
        expect(pages.map(({ bytes }) => bytes)).toEqual(list)
      }),
    )
  })
})
