import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FieldPointer, SENSE, SENSE_KEY, type SenseData, SenseError } from '../../../protocol/scsi/sense.ts'
import { decodeSense, describeSense, encodeSense, type SenseFormat } from '../../../protocol/scsi/sense-data.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import { hex, onlyWireErrors } from './support.ts'

interface Fixture {
  readonly name: string
  readonly data: SenseData
  readonly fixed: string
  readonly descriptor: string
}

const FIXTURES: readonly Fixture[] = [
  {
    name: 'a bare sense',
    data: { sense: SENSE.INVALID_COMMAND_OPERATION_CODE },
    fixed: '70 00 05 00000000 0a 00000000 20 00 00 000000',
    descriptor: '72 05 20 00 000000 00',
  },
  {
    name: 'INFORMATION: the offset of a miscompare',
    data: { sense: SENSE.MISCOMPARE_DURING_VERIFY_OPERATION, information: 0x1ffn },
    fixed: 'f0 00 0e 000001ff 0a 00000000 1d 00 00 000000',
    descriptor: '72 0e 1d 00 000000 0c 00 0a 80 00 00000000000001ff',
  },
  {
    name: 'a field pointer with a bit: FUA of a 16-byte CDB',
    data: { sense: SENSE.INVALID_FIELD_IN_CDB, field: { in: 'cdb', byte: 1, bit: 3 } },
    fixed: '70 00 05 00000000 0a 00000000 24 00 00 cb0001',
    descriptor: '72 05 24 00 000000 08 02 06 0000 cb0001 00',
  },
  {
    name: 'a field pointer without a bit, into the parameter list',
    data: { sense: SENSE.INVALID_FIELD_IN_PARAMETER_LIST, field: { in: 'parameters', byte: 0x102 } },
    fixed: '70 00 05 00000000 0a 00000000 26 00 00 800102',
    descriptor: '72 05 26 00 000000 08 02 06 0000 800102 00',
  },
  {
    name: 'a segment pointer, the segment number and the residual: COPY ABORTED',
    data: {
      sense: SENSE.UNREACHABLE_COPY_TARGET,
      information: 7n,
      commandSpecific: 0x20000n,
      field: { in: 'segment', byte: 6 },
    },
    fixed: 'f0 00 0a 00000007 0a 00020000 08 04 00 a00006',
    descriptor: '72 0a 08 04 000000 20 00 0a 80 00 0000000000000007 01 0a 0000 0000000000020000 02 06 0000 a00006 00',
  },
  {
    name: 'progress of a SANITIZE',
    data: { sense: SENSE.LOGICAL_UNIT_NOT_READY_SANITIZE_IN_PROGRESS, progress: 0x8000 },
    fixed: '70 00 02 00000000 0a 00000000 04 1b 00 808000',
    descriptor: '72 02 04 1b 000000 08 02 06 0000 808000 00',
  },
  {
    name: 'a deferred error',
    data: { sense: SENSE.WRITE_ERROR, information: 9n, deferred: true },
    fixed: 'f1 00 03 00000009 0a 00000000 0c 00 00 000000',
    descriptor: '73 03 0c 00 000000 0c 00 0a 80 00 0000000000000009',
  },
]

describe.each(FIXTURES)('sense data: $name', ({ data, ...wires }) => {
  test.each(['fixed', 'descriptor'] as const)('%s format, both ways', (format) => {
    const wire = hex(wires[format])
    expect(encodeSense(data, format).toString('hex')).toBe(wire.toString('hex'))
    expect(decodeSense(wire)).toEqual(data)
    expect(encodeSense(decodeSense(wire), format)).toEqual(wire)
  })

  test.each(['fixed', 'descriptor'] as const)('%s format, cut: less than eight bytes are no sense data', (format) => {
    const wire = hex(wires[format])
    for (let length = 0; length < wire.length; length++) {
      const cut = wire.subarray(0, length)
      if (length < 8) expect(() => decodeSense(cut)).toThrow(WireError)
      else expect(decodeSense(cut).sense.key).toBe(data.sense.key)
    }
  })
})

describe('sense data', () => {
  test('a SenseError is sense data', () => {
    const error = new SenseError(SENSE.MISCOMPARE_DURING_VERIFY_OPERATION, { information: 1 })
    expect(decodeSense(encodeSense(error, 'fixed')).information).toBe(1n)
  })

  test('INFORMATION of more than 32 bits: VALID is zero in fixed format, all of it stands in descriptor format', () => {
    const data = {
      sense: SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE,
      information: 2n ** 64n - 1n,
      commandSpecific: 2n ** 32n,
    }
    expect(encodeSense(data, 'fixed').toString('hex')).toBe('70000500000000' + '0a00000000' + '2100' + '00000000')
    expect(decodeSense(encodeSense(data, 'descriptor'))).toEqual(data)
    const widest = { ...data, information: 2n ** 32n - 1n }
    expect(encodeSense(widest, 'fixed').subarray(0, 7)).toEqual(hex('f00005ffffffff'))
  })

  test('a field pointer goes with ILLEGAL REQUEST and COPY ABORTED only, progress with NO SENSE and NOT READY', () => {
    const field: FieldPointer = { in: 'cdb', byte: 2 }
    expect(decodeSense(encodeSense({ sense: SENSE.WRITE_PROTECTED, field, progress: 1 }, 'fixed'))).toEqual({
      sense: SENSE.WRITE_PROTECTED,
    })
    expect(decodeSense(encodeSense({ sense: SENSE.NO_SENSE, progress: 1 }, 'fixed')).progress).toBe(1)
  })

  test('ADDITIONAL SENSE LENGTH bounds what is read', () => {
    const data = decodeSense(hex('f0 00 05 00000001 04 00000009 21 00 00 800005'))
    expect(data).toEqual({
      sense: { key: 5, asc: 0, ascq: 0, text: SENSE.NO_SENSE.text },
      information: 1n,
      commandSpecific: 9n,
    })
  })

  test('descriptors without meaning here are passed over, VALID = 0 is no INFORMATION', () => {
    const wire = hex('72 05 21 00 000000 14 03 02 0055 80 02 0102 00 0a 00 00 0000000000000001')
    expect(decodeSense(wire)).toEqual({ sense: SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE })
  })

  test.each([
    ['another response code', '7f 00 05 00 000000 00', 'RESPONSE CODE at byte 0: bad value'],
    ['an ATA status', '50 00 00 00 000000 00', 'RESPONSE CODE'],
    ['an information descriptor of a wrong length', '72 05 21 00 000000 0a 00 08 8000 000000000000', 'truncated'],
    [
      'a command-specific descriptor of a wrong length',
      '72 05 21 00 000000 0e 01 0c 0000 0000000000000000 0000',
      'bad value',
    ],
  ])('garbage: %s', (_, wire, message) => {
    expect(() => decodeSense(hex(wire))).toThrow(WireError)
    expect(() => decodeSense(hex(wire))).toThrow(message)
  })

  test('no input makes the decoder throw anything but a WireError', () => {
    for (const { fixed, descriptor } of FIXTURES) {
      onlyWireErrors(decodeSense, hex(fixed))
      onlyWireErrors(decodeSense, hex(descriptor))
    }
  })

  test('what is encoded decodes to the same', () => {
    const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
    const details = fc.record({
      sense: fc.constantFrom(...Object.values(SENSE)),
      information: optional(fc.bigInt(0n, 2n ** 32n - 1n)),
      commandSpecific: optional(fc.bigInt(1n, 2n ** 32n - 1n)),
      byte: optional(fc.nat(0xffff)),
      bit: optional(fc.nat(7)),
      progress: optional(fc.nat(0xffff)),
      format: fc.constantFrom<SenseFormat>('fixed', 'descriptor'),
    })
    fc.assert(
      fc.property(details, ({ sense, information, commandSpecific, byte, bit, progress, format }) => {
        const pointed =
          byte !== undefined && (sense.key === SENSE_KEY.ILLEGAL_REQUEST || sense.key === SENSE_KEY.COPY_ABORTED)
        const moves = progress !== undefined && (sense.key === SENSE_KEY.NO_SENSE || sense.key === SENSE_KEY.NOT_READY)
        const data: SenseData = {
          sense,
          ...(information !== undefined && { information }),
          ...(commandSpecific !== undefined && { commandSpecific }),
          ...(pointed && { field: { in: 'parameters', byte, ...(bit !== undefined && { bit }) } }),
          ...(moves && { progress }),
        }
        expect(decodeSense(encodeSense(data, format))).toEqual(data)
      }),
    )
  })
})

describe('describeSense', () => {
  test.each([
    [
      { sense: SENSE.INVALID_FIELD_IN_CDB, field: { in: 'cdb', byte: 1, bit: 3 } },
      'ILLEGAL REQUEST: INVALID FIELD IN CDB (05/24/00), byte 1 bit 3 of the CDB',
    ],
    [
      { sense: SENSE.MISCOMPARE_DURING_VERIFY_OPERATION, information: 511n },
      'MISCOMPARE: MISCOMPARE DURING VERIFY OPERATION (0E/1D/00), information 511',
    ],
    [
      { sense: SENSE.COPY_TARGET_DEVICE_NOT_REACHABLE, commandSpecific: 1n, field: { in: 'segment', byte: 6 } },
      'COPY ABORTED: COPY TARGET DEVICE NOT REACHABLE (0A/0D/02), byte 6 of the segment descriptor, command-specific information 1',
    ],
    [
      { sense: SENSE.LOGICAL_UNIT_NOT_READY_FORMAT_IN_PROGRESS, progress: 0x4000, deferred: true },
      'deferred NOT READY: LOGICAL UNIT NOT READY, FORMAT IN PROGRESS (02/04/04), 25% done',
    ],
  ] satisfies [SenseData, string][])("%#: one line in the standard's words", (data, line) => {
    expect(describeSense(data)).toBe(line)
  })

  test('a code that the table does not hold is told by number, a known code under another key by its words', () => {
    const strange = decodeSense(hex('70 00 04 00000000 0a 00000000 3e 01 00 000000'))
    expect(describeSense(strange)).toBe('HARDWARE ERROR: ADDITIONAL SENSE CODE 3Eh/01h (04/3E/01)')
    const elsewhere = decodeSense(hex('70 00 0b 00000000 0a 00000000 21 00 00 000000'))
    expect(describeSense(elsewhere)).toBe('ABORTED COMMAND: LOGICAL BLOCK ADDRESS OUT OF RANGE (0B/21/00)')
  })
})
