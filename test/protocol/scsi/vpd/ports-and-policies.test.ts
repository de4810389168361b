import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ASSOCIATION, scsiName } from '../../../../protocol/scsi/designator.ts'
import { EXTENDED_INQUIRY } from '../../../../protocol/scsi/vpd/extended-inquiry.ts'
import {
  decodeManagementNetworkAddresses,
  encodeManagementNetworkAddresses,
} from '../../../../protocol/scsi/vpd/management-network-addresses.ts'
import { decodeModePagePolicies, encodeModePagePolicies } from '../../../../protocol/scsi/vpd/mode-page-policy.ts'
import { decodeVpdPage } from '../../../../protocol/scsi/vpd/page.ts'
import { decodeScsiPorts, encodeScsiPorts, type ScsiPort } from '../../../../protocol/scsi/vpd/scsi-ports.ts'
import { WireError } from '../../../../protocol/wire/error.ts'
import { bothWays, hex, identity, onlyWireErrors, valuesOf } from '../support.ts'

test('Management Network Addresses (85h, SPC-4 7.8.8) without an address', () => {
  expect(encodeManagementNetworkAddresses()).toEqual(hex('00 85 0000'))
  expect(decodeManagementNetworkAddresses(hex('00 85 0000'))).toEqual([])
})

test('Management Network Addresses of another array: padded with zeros, a cut one is refused', () => {
  const wire = hex(`00 85 0018 22 00 0010 ${Buffer.from('http://10.0.0.5').toString('hex')}00 04 00 0000`)
  expect(decodeManagementNetworkAddresses(wire)).toEqual([
    { association: 1, serviceType: 2, address: 'http://10.0.0.5' },
    { association: 0, serviceType: 4, address: '' },
  ])
  onlyWireErrors(decodeManagementNetworkAddresses, wire)
  wire[7] = 0x15
  expect(() => decodeManagementNetworkAddresses(wire)).toThrow(WireError)
})

describe('Extended INQUIRY Data (86h, SPC-4 7.8.7, SPC-5 7.7.4)', () => {
  const codec = {
    encode: EXTENDED_INQUIRY.encode,
    decode: (source: Buffer) => decodeVpdPage(EXTENDED_INQUIRY, source),
  }
  const wire = Buffer.concat([hex('00 86 003c 4c 27 05 21 52 03 000a 50 fc 86 0102 0304 a4'), Buffer.alloc(44)])

  test('both ways', () => {
    expect(wire.length).toBe(64)
    bothWays(codec, wire, {
      activateMicrocode: 1,
      spt: 1,
      grdChk: true,
      appChk: false,
      refChk: false,
      uaskSup: true,
      groupSup: false,
      priorSup: false,
      headSup: true,
      ordSup: true,
      simpSup: true,
      wuSup: false,
      crdSup: true,
      nvSup: false,
      vSup: true,
      noPiChk: true,
      piiSup: false,
      luiClr: true,
      luCollectionType: 2,
      rSup: true,
      rtdSup: false,
      hssRelEf: true,
      cbcs: false,
      multiITNexusMicrocodeDownload: 3,
      extendedSelfTestMinutes: 10,
      poaSup: false,
      hraSup: true,
      vsaSup: false,
      dmsValid: true,
      maximumSenseDataLength: 252,
      ibs: true,
      ias: false,
      sac: true,
      nrd1: true,
      nrd0: false,
      maximumInquiryChangeLogs: 0x102,
      maximumModePageChangeLogs: 0x304,
      dmMd4: true,
      dmMd5: false,
      dmMd6: true,
      dmMd7: false,
      dmMdD: false,
      dmMdE: true,
      dmMdF: false,
    })
  })

  test('inverse, and only WireErrors', () => {
    identity(codec, valuesOf(EXTENDED_INQUIRY))
    onlyWireErrors(codec.decode, wire)
  })
})

describe('Mode Page Policy (87h, SPC-4 7.8.9)', () => {
  const wire = hex('00 87 0008 08 00 83 00 3f ff 00 00')

  test('both ways', () => {
    bothWays({ encode: encodeModePagePolicies, decode: decodeModePagePolicies }, wire, [
      { pageCode: 8, subpageCode: 0, mlus: true, policy: 3 },
      { pageCode: 0x3f, subpageCode: 0xff, mlus: false, policy: 0 },
    ])
    onlyWireErrors(decodeModePagePolicies, wire)
  })
})

describe('SCSI Ports (88h, SPC-4 7.8.14)', () => {
  const port = (relativePort: number, name: string): ScsiPort => ({
    relativePort,
    designators: [scsiName(name, ASSOCIATION.TARGET_PORT)],
  })
  const wire = hex(
    '00 88 0028 0000 0001 0000 0000 0000 0008 53 98 00 04 61626300 0000 0102 0000 0000 0000 0008 53 98 00 04 64656600',
  )

  test('both ways', () => {
    bothWays({ encode: encodeScsiPorts, decode: decodeScsiPorts }, wire, [port(1, 'abc'), port(0x102, 'def')])
  })

  test("an initiator port's TransportID is passed over", () => {
    const page = hex('00 88 0018 0000 0001 0000 0004 deadbeef 0000 0008 53 98 00 04 61626300')
    expect(decodeScsiPorts(page)).toEqual([port(1, 'abc')])
  })

  test('what a port says is longer than the page: a WireError', () => {
    expect(() => decodeScsiPorts(hex('00 88 000c 0000 0001 0000 0000 0000 0008'))).toThrow(WireError)
    expect(() => decodeScsiPorts(hex('00 88 000c 0000 0001 0000 0008 0000 0000'))).toThrow(WireError)
  })

  test('inverse, and only WireErrors', () => {
    const ports = fc.array(fc.tuple(fc.nat(0xffff), fc.stringMatching(/^[a-z.:]{1,20}$/)), { maxLength: 3 })
    identity(
      { encode: encodeScsiPorts, decode: decodeScsiPorts },
      ports.map((all) => all.map(([relativePort, name]) => port(relativePort, name))),
    )
    onlyWireErrors(decodeScsiPorts, wire)
  })
})
