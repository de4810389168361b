import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ACCESS_STATE,
  decodeSetTargetPortGroups,
  decodeTargetPortGroups,
  encodeSetTargetPortGroups,
  encodeTargetPortGroups,
  PORT_GROUPS_FORMAT,
  setTargetPortGroupOffset,
  type TargetPortGroup,
} from '../../../protocol/scsi/target-port-groups.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import { bothWays, hex, identity, onlyWireErrors } from './support.ts'

const { ACTIVE_OPTIMIZED, ACTIVE_NON_OPTIMIZED, STANDBY, UNAVAILABLE } = ACCESS_STATE
const GROUPS: TargetPortGroup[] = [
  {
    group: 1,
    state: ACTIVE_OPTIMIZED,
    preferred: true,
    statusCode: 0,
    supported: [ACTIVE_OPTIMIZED, ACTIVE_NON_OPTIMIZED, STANDBY, UNAVAILABLE],
    ports: [1],
  },
  { group: 0x102, state: STANDBY, preferred: false, statusCode: 1, supported: [STANDBY], ports: [3, 0x304] },
]
const DESCRIPTORS = '80 0f 0001 00 00 00 01 00000001  02 04 0102 00 01 00 02 00000003 00000304'

const codec = (format: number) => ({
  encode: (groups: TargetPortGroup[]) => encodeTargetPortGroups(groups, format),
  decode: (source: Buffer) => decodeTargetPortGroups(source, format),
})

describe('REPORT TARGET PORT GROUPS parameter data (SPC-4 6.37)', () => {
  test('length only header format', () => {
    bothWays(codec(PORT_GROUPS_FORMAT.LENGTH_ONLY), hex(`0000001c ${DESCRIPTORS}`), GROUPS)
  })

  test('extended header format: FORMAT TYPE 001b, which the length counts', () => {
    bothWays(codec(PORT_GROUPS_FORMAT.EXTENDED), hex(`00000020 10 00 0000 ${DESCRIPTORS}`), GROUPS)
  })

  test('a group without ports, and no group at all', () => {
    const none = codec(PORT_GROUPS_FORMAT.LENGTH_ONLY)
    bothWays(none, hex('00000000'), [])
    const group = { ...GROUPS[1]!, ports: [] }
    expect(none.decode(none.encode([group]))).toEqual([group])
  })

  test('more ports than the list has room for: a WireError', () => {
    expect(() => decodeTargetPortGroups(hex('00000008 00 0f 0001 00 00 00 01'), 0)).toThrow(WireError)
  })

  test.each([0, 1])('inverse, and only WireErrors: format %d', (format) => {
    const group = fc.record({
      group: fc.nat(0xffff),
      state: fc.nat(15),
      preferred: fc.boolean(),
      statusCode: fc.nat(255),
      supported: fc.subarray(Object.values(ACCESS_STATE)),
      ports: fc.array(fc.nat(0xffff), { maxLength: 4 }),
    })
    identity(codec(format), fc.array(group, { maxLength: 4 }))
    onlyWireErrors((source) => decodeTargetPortGroups(source, format), encodeTargetPortGroups(GROUPS, format))
  })
})

describe('SET TARGET PORT GROUPS parameter list (SPC-4 6.45)', () => {
  const list = { encode: encodeSetTargetPortGroups, decode: decodeSetTargetPortGroups }
  const wire = hex('00000000 02 00 0102 00 00 0001')
  const values = [
    { group: 0x102, state: STANDBY },
    { group: 1, state: ACTIVE_OPTIMIZED },
  ]

  test('both ways; where a descriptor stands', () => {
    expect(list.decode(wire)).toEqual(values)
    expect(list.encode(values)).toEqual(wire)
    expect([0, 1].map(setTargetPortGroupOffset)).toEqual([4, 8])
  })

  test('a header or a descriptor that is cut: a WireError', () => {
    for (const length of [0, 1, 3, 5, 6, 7, 9, 11])
      expect(() => list.decode(wire.subarray(0, length)), `${length} bytes`).toThrow(WireError)
    expect(list.decode(wire.subarray(0, 4))).toEqual([])
  })

  test('inverse, and only WireErrors', () => {
    identity(list, fc.array(fc.record({ group: fc.nat(0xffff), state: fc.nat(15) }), { maxLength: 5 }))
    onlyWireErrors(list.decode, wire)
  })
})
