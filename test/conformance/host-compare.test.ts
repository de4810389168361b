// The comparison of the host suite: what it takes for the same, and that it sees each kind of difference. And, where sg3_utils is
// installed, the same bytes decoded by both: pages in which every bit is set once.

import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  compareDesignators,
  compareFields,
  compareNames,
  compareOpcodes,
  type Section,
} from '../../conformance/host/compare.ts'
import { compareCapacity, compareInquiry, PAGES } from '../../conformance/host/pages.ts'
import { isInstalled } from '../../conformance/process.ts'
import { decodeStandardInquiry, encodeDeviceIdentification, naa, scsiName, t10VendorId } from '../../protocol/index.ts'
import { describeInquiry } from '../../src/host/describe/inquiry.ts'
import { describePage, PAGE_ACRONYMS } from '../../src/host/describe/vpd.ts'

describe('fields', () => {
  const printed =
    '  A=1 [B=0] C_D=0x10  [why]\n  Some length: 8 blocks [not more]\n  All: -1 [unbounded]\n  Valid: true\n'
  const ours = { A: 1, B: 0, C_D: 16, 'Some length': 8, All: 4294967295, Valid: 1 }
  test('the same', () => expect(compareFields(ours, printed)).toEqual([]))
  test.each<[string, Record<string, string | number>, string]>([
    ['another value', { ...ours, B: 1 }, 'B: 1, and sg3_utils prints 0'],
    ['another value with a unit', { ...ours, 'Some length': 9 }, 'Some length: 9, and sg3_utils prints 8 blocks'],
    ['one that sg3_utils lacks', { ...ours, E: 0 }, 'E: 0, which sg3_utils does not print'],
  ])('%s', (_, fields, difference) => expect(compareFields(fields, printed)).toEqual([difference]))
  test('one that only sg3_utils has', () => {
    const { A: _, ...rest } = ours
    expect(compareFields(rest, printed)).toEqual(['only sg3_utils prints A=1 []  [why]'])
  })
  test('a sentence in place of a field', () => {
    const sentences = { Rate: (rate: number) => (rate === 1 ? /It does not rotate/ : /It rotates/) }
    expect(compareFields({ Rate: 1 }, '  It does not rotate (at all)\n', { sentences })).toEqual([])
    expect(compareFields({ Rate: 2 }, '  It does not rotate\n', { sentences })).toHaveLength(1)
  })
})

test('names and operation codes: order and case do not count', () => {
  expect(compareNames(['EXTENDED COPY(LID1)', 'UNMAP'], ['Unmap', 'Extended copy(LID1)'])).toEqual([])
  expect(compareNames(['UNMAP'], ['Verify(10)'])).toHaveLength(2)
  const list = ' 42                 10    0,0    Unmap\n 9e       10        16    0,0    Read capacity(16)\n'
  const unmap = { opcode: 0x42, cdbLength: 10, name: 'UNMAP' }
  const capacity = { opcode: 0x9e, serviceAction: 16, cdbLength: 16, name: 'READ CAPACITY(16)' }
  expect(compareOpcodes([unmap, capacity], list)).toEqual([])
  expect(compareOpcodes([unmap], list)).toEqual(['only sg3_utils prints 9e/16 16 read capacity 16'])
  expect(compareOpcodes([{ ...unmap, cdbLength: 6 }, capacity], list)).toHaveLength(2)
})

test('capacity: both ways', () => {
  const printed = `Read Capacity results:
   Protection: prot_en=0, p_type=0, p_i_exponent=0
   Last LBA=131071 (0x1ffff), Number of logical blocks=131072
   Logical blocks per physical block exponent=3 [so physical block length=4096 bytes]
Hence:
   Device size: 67108864 bytes, 64.0 MiB, 0.07 GB
`
  const ours = {
    ...{ prot_en: 0, p_type: 0, p_i_exponent: 0, 'Last LBA': 131071, 'Number of logical blocks': 131072 },
    ...{ 'Logical blocks per physical block exponent': 3, 'Device size': 67108864 },
  }
  expect(compareCapacity(ours, printed)).toEqual([])
  expect(compareCapacity({ ...ours, 'Last LBA': 1 }, printed)).toEqual(['Last LBA: 1, and sg3_utils prints 131071'])
})

/** What sg3_utils prints of these bytes. */
const decoded = (tool: string, bytes: Buffer, ...words: string[]): string =>
  spawnSync(tool, ['--inhex=-', ...words], {
    input: bytes.toString('hex').replace(/..(?!$)/g, '$& '),
    encoding: 'utf8',
  }).stdout

const jsonOf = (sections: ReturnType<typeof describePage>['sections']): Section[] =>
  sections.map(({ title, fields }) => ({
    ...(title !== undefined && { title }),
    fields: Object.fromEntries(
      fields.map(({ name, value }) => [name, typeof value === 'bigint' ? String(value) : value]),
    ),
  }))

describe.runIf(isInstalled('sg_vpd') || process.env.LUNETTE_REQUIRE_TOOLS === '1')(
  'the same bytes by sg3_utils',
  () => {
    /** A page of 64 bytes with one bit set. */
    const pageWith = (code: number, bit: number): Buffer => {
      const bytes = Buffer.alloc(64)
      bytes[1] = code
      bytes.writeUInt16BE(60, 2)
      if (bit >= 0) bytes[4 + (bit >> 3)]! |= 0x80 >> (bit & 7)
      return bytes
    }
    /** Bytes that the standard's table has. */
    test.each([
      ['ei', 20],
      ['bl', 64],
      ['lbpv', 8],
    ])('%s: every bit in turn', (acronym, end) => {
      const code = PAGE_ACRONYMS.get(acronym)!
      for (let bit = -1; bit < 8 * (end - 4); bit++) {
        if (acronym === 'lbpv' && bit === 15) continue // DP tells of a designator, which is not there
        const bytes = pageWith(code, bit).subarray(0, end)
        bytes.writeUInt16BE(end - 4, 2)
        const printed = decoded('sg_vpd', bytes, '-p', `0x${code.toString(16)}`)
        expect([bit, PAGES[acronym]!.compare(jsonOf(describePage(code, bytes).sections), printed)]).toEqual([bit, []])
      }
    })

    test('standard INQUIRY data: every bit in turn', () => {
      for (let bit = 0; bit < 8 * 58; bit++) {
        const [byte, mask] = [bit >> 3, 0x80 >> (bit & 7)]
        // sg_inq tells what it reads by VERSION, the format and the length; then texts, and what is vendor specific.
        if ((byte >= 2 && byte <= 4) || (byte >= 8 && byte < 56)) continue
        const bytes = Buffer.alloc(96, 0)
        bytes.fill(' ', 8, 36)
        bytes[2] = 6
        bytes[3] = 2
        bytes[4] = 91
        bytes[byte]! |= mask
        const [{ fields }] = jsonOf([describeInquiry(decodeStandardInquiry(bytes), undefined)]) as [Section]
        expect([bit, compareInquiry(fields, decoded('sg_inq', bytes, '-d'))]).toEqual([bit, []])
      }
    })

    test('designators of any kind and order', () => {
      const designator = fc.oneof(
        fc.stringMatching(/^[A-Z0-9]{1,12}$/).map((text) => t10VendorId('ACME', text)),
        fc.uint8Array({ minLength: 15, maxLength: 15 }).map((bytes) => naa(Buffer.from([0x60, ...bytes]))),
        fc.stringMatching(/^iqn\.[a-z0-9]{1,20}$/).map((name) => scsiName(name, 2)),
      )
      fc.assert(
        fc.property(fc.array(designator, { minLength: 1, maxLength: 5 }), (designators) => {
          const bytes = encodeDeviceIdentification(designators)
          const printed = decoded('sg_vpd', bytes, '-p', 'di_asis')
          expect(compareDesignators(jsonOf(describePage(0x83, bytes).sections), printed)).toEqual([])
        }),
        { numRuns: 30 },
      )
    })
  },
)
