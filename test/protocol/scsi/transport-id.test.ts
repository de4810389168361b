import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeTransportId,
  encodeTransportId,
  initiatorPortName,
  type TransportId,
  transportIdOf,
} from '../../../protocol/scsi/transport-id.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import { bothWays, hex, identity, onlyWireErrors } from './support.ts'

const decode = (source: Buffer): TransportId => {
  const { offset: _, length: __, ...id } = decodeTransportId(source)
  return id
}
const codec = { encode: encodeTransportId, decode }

const PORT: TransportId = { initiatorName: 'iqn.2026-11.io.a', isid: '00023d000001' }
const PORT_WIRE = hex('45 00 0024') // 35 characters and a zero
const portWire = Buffer.concat([PORT_WIRE, Buffer.from('iqn.2026-11.io.a,i,0x00023d000001\0\0\0')])

const DEVICE: TransportId = { initiatorName: 'iqn.2026-11.io.a' }
const deviceWire = Buffer.concat([hex('05 00 0014'), Buffer.from('iqn.2026-11.io.a\0\0\0\0')])

/** As initiators write it: any hexadecimal digits, any length that the standard lets it have. */
function wireOf(text: string, format = 0x45, length = (text.length + 4) & ~3): Buffer {
  const wire = Buffer.alloc(4 + Math.max(20, length))
  wire[0] = format
  wire.writeUInt16BE(wire.length - 4, 2)
  wire.write(text, 4)
  return wire
}

describe('TransportIDs of iSCSI (SPC-4 7.6.4.6)', () => {
  test('TPID FORMAT 01b, an initiator port: both ways', () => bothWays(codec, portWire, PORT))
  test('TPID FORMAT 00b, an initiator device: both ways; 24 bytes at least', () => bothWays(codec, deviceWire, DEVICE))

  test('names of every length: zero-ended, a multiple of four', () => {
    const tail = fc.stringMatching(/^[a-z0-9]{1,180}$/)
    const isid = fc.stringMatching(/^[0-9a-f]{12}$/)
    const ids = fc.tuple(tail, fc.option(isid, { nil: undefined })).map(([rest, own]): TransportId => {
      const initiatorName = `iqn.2026-11.io.${rest}`
      return own === undefined ? { initiatorName } : { initiatorName, isid: own }
    })
    identity(codec, ids)
    fc.assert(
      fc.property(ids, (id) => {
        const wire = encodeTransportId(id)
        return (
          wire.length % 4 === 0 && wire.length >= 24 && wire.at(-1) === 0 && wire.readUInt16BE(2) === wire.length - 4
        )
      }),
    )
  })

  test('the port name and back', () => {
    expect(initiatorPortName('iqn.2026-11.io.a', '00023d000001')).toBe('iqn.2026-11.io.a,i,0x00023d000001')
    expect(transportIdOf('iqn.2026-11.io.a,i,0x00023d000001')).toEqual(PORT)
  })

  test('ISIDs as initiators write them: capitals, leading zeros left out; names in their normal form', () => {
    expect(decode(wireOf('iqn.2026-11.io.a,i,0x23D000001'))).toEqual(PORT)
    expect(decode(wireOf('IQN.2026-11.io.A,I,0X00023D000001'))).toEqual(PORT)
    expect(decode(wireOf('eui.0123456789ABCDEF,i,0x1'))).toEqual({
      initiatorName: 'eui.0123456789abcdef',
      isid: '000000000001',
    })
  })

  test('a name without a zero at its end, in a field that it fills', () => {
    const text = 'iqn.2026-11.io.abcde'
    expect(decode(wireOf(text, 0x05, 20))).toEqual({ initiatorName: text })
  })

  test.each([
    ['a protocol other than iSCSI', wireOf('iqn.2026-11.io.a', 0x06), 0],
    ['TPID FORMAT 10b', wireOf('iqn.2026-11.io.a', 0x85), 0],
    ['TPID FORMAT 11b', wireOf('iqn.2026-11.io.a', 0xc5), 0],
    ['ADDITIONAL LENGTH under 20', hex('05 00 0010 69716e2e323032362d31312e696f2e61'), 2],
    ['ADDITIONAL LENGTH no multiple of four', Buffer.concat([hex('05 00 0015'), Buffer.alloc(21, 0x61)]), 2],
    ['no name', wireOf('', 0x05), 4],
    ['no iSCSI name', wireOf('disk', 0x05), 4],
    ['a port name where a device is meant', wireOf('iqn.2026-11.io.a,i,0x1', 0x05), 4],
    ['a device name where a port is meant', wireOf('iqn.2026-11.io.a'), 4],
    ['an ISID that is none', wireOf('iqn.2026-11.io.a,i,0xyz'), 4],
    ['an ISID of thirteen digits', wireOf('iqn.2026-11.io.a,i,0x0123456789abc'), 4],
    ['no ISID', wireOf('iqn.2026-11.io.a,i,0x'), 4],
    ['a name past 223 bytes', wireOf(`iqn.2026-11.io.${'a'.repeat(250)},i,0x1`), 4],
  ])('%s: a WireError with its offset, also behind other bytes', (_, wire, at) => {
    const offsetOf = (source: Buffer, offset: number): number => {
      try {
        decodeTransportId(source, offset)
      } catch (error) {
        if (error instanceof WireError && error.problem !== 'truncated') return error.offset
      }
      return -1
    }
    expect(offsetOf(wire, 0)).toBe(at)
    expect(offsetOf(Buffer.concat([Buffer.alloc(28), wire]), 28)).toBe(28 + at)
  })

  test('only WireErrors', () => {
    onlyWireErrors(decodeTransportId, portWire)
    onlyWireErrors(decodeTransportId, deviceWire)
  })
})
