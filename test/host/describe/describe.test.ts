// Field by field: names as sg3_utils prints them, values as they stand in the standard's tables, and nothing lost of what cannot be
// read. The whole comparison with sg_inq, sg_vpd, sg_readcap and sg_opcodes is a conformance suite.

import { describe, expect, test } from 'vitest'
import {
  BLOCK_DEVICE_CHARACTERISTICS,
  decodeStandardInquiry,
  EXTENDED_INQUIRY,
  encodeDeviceIdentification,
  encodeLogicalBlockProvisioning,
  encodeModePagePolicies,
  encodeScsiPorts,
  encodeStandardInquiry,
  encodeSupportedPages,
  encodeVpdPage,
  logicalUnitGroup,
  naa,
  scsiName,
  t10VendorId,
  targetPortGroup,
} from '../../../protocol/index.ts'
import { describeCapacity } from '../../../src/host/describe/capacity.ts'
import { commandCode, commandName } from '../../../src/host/describe/command-names.ts'
import { describeInquiry } from '../../../src/host/describe/inquiry.ts'
import type { Section } from '../../../src/host/describe/section.ts'
import { describePage, PAGE_ACRONYMS, pageName } from '../../../src/host/describe/vpd.ts'
import { limitsPage } from '../scripted-disk.ts'

/** "name: value unit (meaning)" of every field, titles in front. */
const text = (sections: readonly Section[]): string[] =>
  sections.flatMap(({ title, fields }) =>
    fields.map(
      ({ name, value, unit, meaning }) =>
        `${title ? `${title} | ` : ''}${name}: ${value}${unit ? ` ${unit}` : ''}${meaning ? ` (${meaning})` : ''}`,
    ),
  )

const page = (bytes: Buffer) => describePage(bytes[1]!, bytes)
const NAA = Buffer.from('600c0ffee00000000000000000000001', 'hex')

describe('standard INQUIRY data', () => {
  const inquiry = decodeStandardInquiry(
    encodeStandardInquiry({
      version: 6,
      tpgs: 1,
      threePc: true,
      vendor: 'ACME',
      versionDescriptors: [0x960, 0x4c3, 0x1f],
    }),
  )
  test('numbers, flags, texts, versions', () => {
    const lines = text([describeInquiry(inquiry, 'S1')])
    for (const line of [
      'PDT: 0 (disk)',
      'version: 6 (SPC-4)',
      'TPGS: 1 (implicit ALUA)',
      '3PC: 1',
      'CmdQue: 0',
      'Vendor identification: ACME',
      'Unit serial number: S1',
      'Version descriptor 1: iSCSI (no version claimed) (0960h)',
      'Version descriptor 2: SBC-3 (04c3h)',
      'Version descriptor 3: 001fh',
    ])
      expect(lines).toContain(line)
  })
  test('a device without a serial number has no field for it', () => {
    expect(text([describeInquiry(inquiry, undefined)]).join()).not.toContain('serial')
  })
  test('a device type without a name is told by its number', () => {
    const other = { ...inquiry, peripheralDeviceType: 0x1b }
    expect(text([describeInquiry(other, undefined)])).toContain('PDT: 27 (device type 1bh)')
  })
})

describe('VPD pages', () => {
  test('Block Limits: zero and all ones say what they mean, field by field', () => {
    const lines = text(page(limitsPage({ maximumWriteSameLength: 2n ** 63n, unmapGranularityAlignment: 3 })).sections)
    for (const line of [
      'Maximum compare and write length: 1 blocks',
      'Maximum transfer length: 0 blocks (not reported)',
      'Maximum unmap LBA count: 4294967295 blocks (unbounded)',
      'Maximum unmap block descriptor count: 256',
      'Unmap granularity alignment valid: 1',
      'Unmap granularity alignment: 3 blocks',
      'Maximum write same length: 9223372036854775808 blocks',
      'Atomic alignment: 0 blocks (unaligned atomic writes permitted)',
    ])
      expect(lines).toContain(line)
    const none = text(page(limitsPage({ maximumCompareAndWriteLength: 0, maximumUnmapLbaCount: 0 })).sections)
    expect(none).toContain('Maximum compare and write length: 0 blocks (command not implemented)')
    expect(none).toContain('Maximum unmap LBA count: 0 blocks (unmap command not implemented)')
  })

  test('a page of an older standard ends where it ends: what it leaves out is zero', () => {
    const old = limitsPage().subarray(0, 16)
    old.writeUInt16BE(12, 2)
    expect(text(page(old).sections)).toContain('Maximum unmap LBA count: 0 blocks (unmap command not implemented)')
  })

  test('Device Identification: one section a designator', () => {
    const designators = [
      t10VendorId('ACME', 'DISK 1\0'),
      naa(NAA),
      logicalUnitGroup(7),
      targetPortGroup(2),
      scsiName('iqn.2026-11.io.lunette:x', 2),
      { association: 0, codeSet: 1, type: 0xe, value: Buffer.from([1, 2]) },
      { association: 1, codeSet: 1, type: 4, value: Buffer.from([9]) },
    ]
    expect(text(page(encodeDeviceIdentification(designators)).sections)).toEqual([
      'Addressed logical unit | designator type: T10 vendor identification',
      'Addressed logical unit | code set: ASCII',
      'Addressed logical unit | vendor id: ACME',
      'Addressed logical unit | vendor specific: DISK 1',
      'Addressed logical unit | designator type: NAA',
      'Addressed logical unit | code set: Binary',
      `Addressed logical unit | identifier: 0x${NAA.toString('hex')}`,
      'Addressed logical unit | designator type: Logical unit group',
      'Addressed logical unit | code set: Binary',
      'Addressed logical unit | Logical unit group: 7',
      'Target port | designator type: Target port group',
      'Target port | code set: Binary',
      'Target port | transport: Internet SCSI (iSCSI)',
      'Target port | Target port group: 2',
      'Target device that contains addressed lu | designator type: SCSI name string',
      'Target device that contains addressed lu | code set: UTF-8',
      'Target device that contains addressed lu | transport: Internet SCSI (iSCSI)',
      'Target device that contains addressed lu | SCSI name string: iqn.2026-11.io.lunette:x',
      'Addressed logical unit | designator type: reserved [0xe]',
      'Addressed logical unit | code set: Binary',
      'Addressed logical unit | identifier: 0x0102',
      'Target port | designator type: Relative target port',
      'Target port | code set: Binary',
      'Target port | identifier: 0x09',
    ])
  })

  test('the others', () => {
    const provisioning = { lbpu: true, lbprz: 1, provisioningType: 2, provisioningGroup: naa(NAA) }
    expect(text(page(encodeLogicalBlockProvisioning(provisioning)).sections)).toEqual(
      expect.arrayContaining([
        'Unmap command supported (LBPU): 1',
        'Write same (16) with unmap bit supported (LBPWS): 0',
        'Provisioning type: 2 (thin provisioned)',
        'Descriptor present (DP): 1',
        `Provisioning group | identifier: 0x${NAA.toString('hex')}`,
      ]),
    )
    const ports = encodeScsiPorts([{ relativePort: 3, designators: [scsiName('iqn.x,t,0x1', 1)] }])
    expect(text(page(ports).sections)).toContain('Relative port 3, target port | SCSI name string: iqn.x,t,0x1')
    expect(text(page(encodeModePagePolicies([{ pageCode: 0x3f, subpageCode: 0xff, policy: 3 }])).sections)).toContain(
      'Mode page 3fh, subpage ffh | Policy: per I_T nexus',
    )
    const characteristics = BLOCK_DEVICE_CHARACTERISTICS.encode({ mediumRotationRate: 7200, nominalFormFactor: 2 })
    expect(text(page(characteristics).sections)).toEqual(
      expect.arrayContaining(['Medium rotation rate: 7200 (rpm)', 'Nominal form factor: 2 (3.5 inch)']),
    )
    expect(text(page(EXTENDED_INQUIRY.encode({ luiClr: true, extendedSelfTestMinutes: 9 })).sections)).toEqual(
      expect.arrayContaining(['LUICLR: 1', 'Extended self-test completion minutes: 9 min']),
    )
    const address = Buffer.concat([Buffer.from('27000008', 'hex'), Buffer.from('http://a')])
    expect(text(page(encodeVpdPage(0x85, address)).sections)).toContain('Target port | Network address: http://a')
  })

  test('the list names what it can, once each', () => {
    expect(text(page(encodeSupportedPages([0x00, 0xb0, 0xb0, 0xb3, 0x42, 0xc4])).sections)).toEqual([
      '00h: Supported VPD pages (sv)',
      '42h: Page that is not known here',
      'b0h: Block limits (bl)',
      'b3h: Referrals (ref)',
      'c4h: Vendor specific',
    ])
  })

  test('a page without a layout has no sections, one that is broken says why, and neither throws', () => {
    expect(page(encodeVpdPage(0xb5, Buffer.alloc(60)))).toMatchObject({ acronym: 'bdce', sections: [] })
    expect(page(encodeVpdPage(0xc0, Buffer.alloc(4)))).toEqual({ code: 0xc0, name: 'Vendor specific', sections: [] })
    for (const code of PAGE_ACRONYMS.values())
      for (const bytes of [
        Buffer.alloc(0),
        Buffer.from([0, code, 0, 9, 1]),
        encodeVpdPage(code, Buffer.alloc(7, 0xff)),
      ])
        expect(() => describePage(code, bytes)).not.toThrow()
    const cut = page(encodeVpdPage(0x83, Buffer.from('01030010', 'hex')))
    expect(cut).toMatchObject({ sections: [], problem: expect.stringContaining('DESIGNATOR LENGTH') })
  })

  test('no name stands twice in a section: JSON has an object for each', () => {
    const bytes = Buffer.alloc(64)
    for (const code of PAGE_ACRONYMS.values()) {
      bytes[1] = code
      bytes.writeUInt16BE(60, 2)
      for (const { fields } of describePage(code, bytes).sections) {
        const names = fields.map(({ name }) => name)
        expect([pageName(code), new Set(names).size]).toEqual([pageName(code), names.length])
      }
    }
  })
})

describe('capacity', () => {
  const size = (lastLba: bigint, blockLength = 512) =>
    text([describeCapacity({ lastLba, blockLength })]).find((line) => line.startsWith('Device size'))
  test('of READ CAPACITY(10): what it did not tell is left out', () => {
    expect(text([describeCapacity({ lastLba: 2047n, blockLength: 512 })])).toEqual([
      'Last LBA: 2047',
      'Number of logical blocks: 2048',
      'Logical block length: 512 bytes',
      'Device size: 1048576 bytes (1 MiB)',
    ])
  })
  test('in the largest unit that leaves a whole part, never rounded up', () => {
    expect(size(0n)).toBe('Device size: 512 bytes (512 bytes)')
    expect(size(2n ** 31n - 2n)).toBe('Device size: 1099511627264 bytes (1023.99 GiB)')
    expect(size(2n ** 64n - 1n, 4096)).toBe('Device size: 75557863725914323419136 bytes (68719476736 TiB)')
  })
})

describe('names of commands', () => {
  test.each([
    [0x89, undefined, 'COMPARE AND WRITE', '89h'],
    [0x9e, 0x10, 'READ CAPACITY(16)', '9eh/10h'],
    [0x83, 0x00, 'EXTENDED COPY(LID1)', '83h/00h'],
    [0x85, undefined, 'ATA PASS-THROUGH(16)', '85h'],
    [0x7f, 0x09, 'READ(32)', '7fh/09h'],
    [0xff, undefined, undefined, 'ffh'],
  ])('%i/%s', (opcode, action, name, code) => {
    expect(commandName(opcode, action)).toBe(name)
    expect(commandCode(opcode, action)).toBe(code)
  })
})
