import { describe, test } from 'vitest'
import { DEFECT_LIST_10, DEFECT_LIST_12 } from '../../../protocol/scsi/defect-list.ts'
import { bothWays, hex, identity, onlyWireErrors, valuesOf } from './support.ts'

describe('READ DEFECT DATA parameter data (SBC-3 5.17.2, 5.18.2)', () => {
  test('READ DEFECT DATA(10): four bytes', () => {
    const values = { plistv: true, glistv: false, defectListFormat: 5, defectListLength: 0x102 }
    bothWays(DEFECT_LIST_10, hex('00 15 0102'), values)
  })

  test('READ DEFECT DATA(12): eight bytes', () => {
    const values = { plistv: false, glistv: true, defectListFormat: 3 }
    bothWays(DEFECT_LIST_12, hex('00 0b 0102 03040506'), {
      ...values,
      generationCode: 0x102,
      defectListLength: 0x3040506,
    })
  })

  test.each([DEFECT_LIST_10, DEFECT_LIST_12])('inverse, and only WireErrors: $name', (layout) => {
    identity(layout, valuesOf(layout))
    onlyWireErrors((source) => layout.decode(source), layout.encode({}))
  })
})
