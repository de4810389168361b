import { describe, expect, test } from 'vitest'
import { DIAGNOSTIC_PAGE, encodeSupportedDiagnosticPages } from '../../../protocol/scsi/diagnostic-pages.ts'
import { bothWays, hex, identity, onlyWireErrors, valuesOf } from './support.ts'

describe('diagnostic pages (SPC-4 7.2)', () => {
  test('the header of all: code, a byte of the page, length', () => {
    bothWays(DIAGNOSTIC_PAGE, hex('40 12 0102'), { pageCode: 0x40, pageCodeSpecific: 0x12, pageLength: 0x102 })
    identity(DIAGNOSTIC_PAGE, valuesOf(DIAGNOSTIC_PAGE))
    onlyWireErrors((source) => DIAGNOSTIC_PAGE.decode(source), DIAGNOSTIC_PAGE.encode({}))
  })

  test('supported pages: the codes behind the header', () => {
    expect(encodeSupportedDiagnosticPages([0x00, 0x40])).toEqual(hex('00 00 0002 00 40'))
  })
})
