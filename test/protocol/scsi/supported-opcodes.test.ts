import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { usageData } from '../../../protocol/scsi/commands/cdb.ts'
import { COMPARE_AND_WRITE } from '../../../protocol/scsi/commands/index.ts'
import {
  decodeCommandSupport,
  decodeSupportedCommands,
  encodeCommandSupport,
  encodeSupportedCommands,
  SUPPORT,
} from '../../../protocol/scsi/supported-opcodes.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import { bothWays, bytesOf, hex, identity, onlyWireErrors } from './support.ts'

const TIMEOUTS = { commandSpecific: 1, nominalSeconds: 10, recommendedSeconds: 60 }
const TIMEOUTS_HEX = '000a 00 01 0000000a 0000003c'

const timeouts = fc.record({ commandSpecific: fc.nat(255), nominalSeconds: fc.nat(), recommendedSeconds: fc.nat() })

describe('all commands (SPC-4 6.35.2)', () => {
  const codec = { encode: encodeSupportedCommands, decode: decodeSupportedCommands }

  test('both ways: with and without service action, SERVACTV tells', () => {
    bothWays(codec, hex('00000010 00 00 0000 00 00 0006  9e 00 0010 00 01 0010'), [
      { opcode: 0x00, cdbLength: 6 },
      { opcode: 0x9e, serviceAction: 0x10, cdbLength: 16 },
    ])
  })

  test('both ways with command timeouts descriptors: CTDP in every descriptor', () => {
    bothWays(codec, hex(`00000028 12 00 0000 00 02 0006 ${TIMEOUTS_HEX} 83 00 0000 00 03 0010 ${TIMEOUTS_HEX}`), [
      { opcode: 0x12, cdbLength: 6, timeouts: TIMEOUTS },
      { opcode: 0x83, serviceAction: 0, cdbLength: 16, timeouts: TIMEOUTS },
    ])
  })

  test('none', () => {
    bothWays(codec, hex('00000000'), [])
  })

  test('a cut descriptor or a timeouts descriptor of another length: a WireError with the offset in the list', () => {
    expect(() => codec.decode(hex('00000004 12 00 0000'))).toThrow('command descriptor: opcode at byte 4: truncated')
    expect(() => codec.decode(hex('00000008 12 00 0000 00 02 0006'))).toThrow('descriptorLength at byte 12: truncated')
    expect(() => codec.decode(hex(`00000014 12 00 0000 00 02 0006 000c ${'00'.repeat(10)}`))).toThrow(WireError)
  })

  test('inverse, and only WireErrors', () => {
    const command = fc.record(
      { opcode: fc.nat(255), serviceAction: fc.nat(0xffff), cdbLength: fc.nat(0xffff), timeouts },
      { requiredKeys: ['opcode', 'cdbLength'] },
    )
    identity(codec, fc.array(command, { maxLength: 10 }))
    onlyWireErrors(codec.decode, hex(`00000014 12 00 0000 00 02 0006 ${TIMEOUTS_HEX}`))
  })
})

describe('one command (SPC-4 6.35.3)', () => {
  const codec = { encode: encodeCommandSupport, decode: decodeCommandSupport }
  const usage = usageData(COMPARE_AND_WRITE, ['wrprotect'])

  test('both ways: CDB SIZE and CDB usage data, with and without timeouts', () => {
    const data = '0010 89 18 ffffffffffffffff 000000 ff 3f 00'
    bothWays(codec, hex(`00 03 ${data}`), { support: SUPPORT.STANDARD, usage })
    bothWays(codec, hex(`00 83 ${data} ${TIMEOUTS_HEX}`), { support: SUPPORT.STANDARD, usage, timeouts: TIMEOUTS })
  })

  test('a command that is not supported: CDB SIZE zero', () => {
    bothWays(codec, hex('00 01 0000'), { support: SUPPORT.NOT_SUPPORTED, usage: Buffer.alloc(0) })
  })

  test('inverse, and only WireErrors', () => {
    const one = fc.record(
      { support: fc.nat(7), usage: bytesOf(0, 32), timeouts },
      { requiredKeys: ['support', 'usage'] },
    )
    identity(codec, one)
    onlyWireErrors(codec.decode, hex(`00 83 0001 00 ${TIMEOUTS_HEX}`))
  })
})
