import { describe, test } from 'vitest'
import { BUFFER_DESCRIPTOR, ECHO_BUFFER_DESCRIPTOR } from '../../../protocol/scsi/buffer-descriptors.ts'
import { bothWays, hex, identity, onlyWireErrors, valuesOf } from './support.ts'

describe('READ BUFFER descriptors (SPC-4 6.18.5, 6.18.10)', () => {
  test('data buffer: OFFSET BOUNDARY, then 24 bits of capacity', () => {
    bothWays(BUFFER_DESCRIPTOR, hex('09 010203'), { offsetBoundary: 9, bufferCapacity: 0x10203 })
  })

  test('echo buffer: EBOS in bit 0, then 13 bits of capacity', () => {
    bothWays(ECHO_BUFFER_DESCRIPTOR, hex('01 00 1000'), { ebos: true, bufferCapacity: 4096 })
    bothWays(ECHO_BUFFER_DESCRIPTOR, hex('00 00 1fff'), { ebos: false, bufferCapacity: 8191 })
  })

  test.each([BUFFER_DESCRIPTOR, ECHO_BUFFER_DESCRIPTOR])('inverse, and only WireErrors: $name', (layout) => {
    identity(layout, valuesOf(layout))
    onlyWireErrors((source) => layout.decode(source), layout.encode({}))
  })
})
