import { expect, test } from 'vitest'
import { COMPARE_AND_WRITE } from '../../../protocol/scsi/commands/index.ts'
import { fieldPointer } from '../../../protocol/scsi/field-pointer.ts'

test('whole bytes are told by the byte, parts of one by their most significant bit', () => {
  expect(fieldPointer(COMPARE_AND_WRITE, 'blocks')).toEqual({ in: 'cdb', byte: 13 })
  expect(fieldPointer(COMPARE_AND_WRITE, 'lba')).toEqual({ in: 'cdb', byte: 2 })
  expect(fieldPointer(COMPARE_AND_WRITE, 'fua')).toEqual({ in: 'cdb', byte: 1, bit: 3 })
  expect(fieldPointer(COMPARE_AND_WRITE, 'wrprotect')).toEqual({ in: 'cdb', byte: 1, bit: 7 })
})

test('a structure inside a parameter list; a name that the layout does not have', () => {
  expect(fieldPointer(COMPARE_AND_WRITE, 'blocks', 'parameters', 16)).toEqual({ in: 'parameters', byte: 29 })
  expect(fieldPointer(COMPARE_AND_WRITE, 'transferLength')).toBeUndefined()
})
