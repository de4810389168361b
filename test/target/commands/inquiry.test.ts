// INQUIRY (SPC-4 6.6) and the vital product data pages (SPC-4 7.8, SBC-3 6.5): what a LUN says about itself, against its
// configuration and against what it enforces.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  ASSOCIATION,
  BLOCK_DEVICE_CHARACTERISTICS,
  BLOCK_LIMITS,
  DESIGNATOR_TYPE,
  decodeCapacity16,
  decodeDeviceIdentification,
  decodeLogicalBlockProvisioning,
  decodeModePagePolicies,
  decodeScsiPorts,
  decodeStandardInquiry,
  decodeSupportedPages,
  decodeUnitSerialNumber,
  decodeVpdPage,
  EXTENDED_INQUIRY,
  INQUIRY,
  MODE_SENSE_6,
  NON_ROTATING,
  PROVISIONING_TYPE,
  READ_CAPACITY_16,
  TEST_UNIT_READY,
  VPD_PAGE,
} from '../../../protocol/index.ts'
import { arrayForTest, memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood } from '../disk.ts'

let array: TestArray
let thin: Disk
let thick: Disk

beforeAll(async () => {
  array = await openArray([
    memory(),
    memory({
      id: 1,
      provisioning: 'thick',
      identity: {
        vendor: 'ACME',
        revision: '9',
        serial: 'S-1',
        naa: '6001405000000000000000000000abcd',
      },
    }),
    memory({ id: 2, scsiVersion: 5 }),
    memory({ id: 3, vaai: { ats: false, clone: false, zero: false, delete: false } }),
    memory({
      id: 4,
      limits: {
        compareAndWriteBlocks: 3,
        transferBlocks: 9,
        writeSameBlocks: 77,
        writeSameZeroMeansEnd: false,
        unmapBlocks: 55,
        unmapDescriptors: 6,
        unmapGranularityBlocks: 8,
        anchor: false,
      },
    }),
    memory({ id: 5, physicalBlockSize: 4096 }),
    memory({ id: 6, blockSize: 4096 }),
  ])
  thin = await array.disk(0)
  thick = await array.disk(1)
  return () => array.close()
})

const inquiry = async (
  on: Disk,
  fields: { evpd?: boolean; pageCode?: number } = {},
  allocationLength = 255,
): Promise<Buffer> =>
  expectGood(await on.run(INQUIRY, { ...fields, allocationLength }, { dataInLength: allocationLength })).data

const vpd = (on: Disk, pageCode: number): Promise<Buffer> => inquiry(on, { evpd: true, pageCode }, 1024)

const capacity = async (on: Disk) =>
  decodeCapacity16(expectGood(await on.run(READ_CAPACITY_16, { allocationLength: 32 }, { dataInLength: 32 })).data)

describe('INQUIRY, standard data', () => {
  test('standard: qualifier 0, format 2, exact ADDITIONAL LENGTH, printable names, reserved bits zero', async () => {
    const data = await inquiry(thin)
    expect(data[4]).toBe(data.length - 5)
    expect(data.length).toBeGreaterThanOrEqual(36)
    expect(data[3]! & 0xc0).toBe(0)
    expect(data.subarray(8, 36).toString('latin1')).toMatch(/^[\x20-\x7e]{28}$/)
    expect(decodeStandardInquiry(data)).toMatchObject({
      peripheralQualifier: 0,
      peripheralDeviceType: 0,
      rmb: false,
      version: 6,
      responseDataFormat: 2,
      hiSup: true,
      cmdQue: true,
      threePc: true,
      tpgs: 3,
      protect: false,
      vendor: 'LUNETTE',
      product: 'VIRTUAL DISK',
    })
  })

  test('version descriptors: SBC-3 without a version (04C0h), and the SPC that VERSION names', async () => {
    expect(decodeStandardInquiry(await inquiry(thin)).versionDescriptors).toEqual(
      expect.arrayContaining([0x04c0, 0x0460, 0x0960]),
    )
    const old = decodeStandardInquiry(await inquiry(await array.disk(2)))
    expect(old.version).toBe(5)
    expect(old.versionDescriptors).toEqual(expect.arrayContaining([0x04c0, 0x0300]))
  })

  test('alloc length: any of 0 to 255 gives so many bytes of the same data; 511 and 512 the whole', async () => {
    const whole = await inquiry(thin)
    for (let length = 0; length <= 255; length++)
      expect(await inquiry(thin, {}, length)).toEqual(whole.subarray(0, length))
    for (const length of [511, 512, 65_535]) expect(await inquiry(thin, {}, length)).toEqual(whole)
  })

  test('evpd: EVPD = 0 with a page code is INVALID FIELD IN CDB, pointer to byte 2', async () => {
    for (const pageCode of [1, 0x80, 0xff])
      expectCdbField(
        await thin.run(INQUIRY, { pageCode, allocationLength: 255 }, { dataInLength: 255 }),
        INQUIRY,
        'pageCode',
      )
  })

  test('identity and 3PC follow the configuration', async () => {
    expect(decodeStandardInquiry(await inquiry(thick))).toMatchObject({
      vendor: 'ACME',
      product: 'VIRTUAL DISK',
      revision: '9',
    })
    expect(decodeStandardInquiry(await inquiry(await array.disk(3))).threePc).toBe(false)
  })
})

describe('INQUIRY, vital product data', () => {
  test('00h: ascending, itself included, and every page listed is there', async () => {
    const pages = decodeSupportedPages(await vpd(thin, VPD_PAGE.SUPPORTED_PAGES))
    expect(pages).toEqual([...pages].sort((a, b) => a - b))
    expect(pages).toEqual(expect.arrayContaining([0x00, 0x80, 0x83, 0x85, 0x86, 0x87, 0x88, 0xb0, 0xb1, 0xb2]))
    for (const page of pages) {
      const data = await vpd(thin, page)
      expect({ type: data[0], page: data[1], length: data.readUInt16BE(2) }).toEqual({
        type: 0,
        page,
        length: data.length - 4,
      })
    }
  })

  test('a page that is not listed: INVALID FIELD IN CDB, pointer to byte 2', async () => {
    const pages = decodeSupportedPages(await vpd(thin, VPD_PAGE.SUPPORTED_PAGES))
    for (let pageCode = 0; pageCode < 256; pageCode++) {
      if (pages.includes(pageCode)) continue
      const result = await thin.run(INQUIRY, { evpd: true, pageCode, allocationLength: 255 }, { dataInLength: 255 })
      expectCdbField(result, INQUIRY, 'pageCode')
    }
  })

  test('allocation length cuts every page and changes nothing else', async () => {
    for (const page of decodeSupportedPages(await vpd(thin, VPD_PAGE.SUPPORTED_PAGES))) {
      const whole = await vpd(thin, page)
      for (const length of [0, 1, 4, 5, 64])
        expect(await inquiry(thin, { evpd: true, pageCode: page }, length)).toEqual(whole.subarray(0, length))
    }
  })

  test('80h: the serial number', async () => {
    expect(decodeUnitSerialNumber(await vpd(thick, VPD_PAGE.UNIT_SERIAL_NUMBER))).toBe('S-1')
    expect(decodeUnitSerialNumber(await vpd(thin, VPD_PAGE.UNIT_SERIAL_NUMBER))).not.toBe('')
  })

  test('83h: one NAA 6h for the logical unit, no NAA after it, names of port and device', async () => {
    const designators = decodeDeviceIdentification(await vpd(thick, VPD_PAGE.DEVICE_IDENTIFICATION))
    const naas = designators.filter(({ type }) => type === DESIGNATOR_TYPE.NAA)
    expect(naas).toHaveLength(1)
    expect(naas[0]).toMatchObject({ association: ASSOCIATION.LOGICAL_UNIT, codeSet: 1 })
    expect(naas[0]!.value.toString('hex')).toBe('6001405000000000000000000000abcd')
    const associations = designators.map(({ association }) => association)
    expect(associations).toEqual(expect.arrayContaining([ASSOCIATION.TARGET_PORT, ASSOCIATION.TARGET_DEVICE]))
    const names = designators
      .filter(({ type }) => type === DESIGNATOR_TYPE.SCSI_NAME)
      .map(({ value }) => value.toString())
    expect(names.some((name) => name.startsWith(`${array.iqn},t,0x0001`))).toBe(true)
    for (const { type, value } of designators) if (type === DESIGNATOR_TYPE.SCSI_NAME) expect(value.length % 4).toBe(0)
  })

  test('83h: different for every logical unit, the same for every initiator', async () => {
    const other = await array.disk(0)
    expect(await vpd(other, VPD_PAGE.DEVICE_IDENTIFICATION)).toEqual(await vpd(thin, VPD_PAGE.DEVICE_IDENTIFICATION))
    const seen = new Set<string>()
    for (const lun of [0, 1, 2, 3]) {
      const designators = decodeDeviceIdentification(await vpd(await array.disk(lun), VPD_PAGE.DEVICE_IDENTIFICATION))
      for (const { type, value } of designators) if (type === DESIGNATOR_TYPE.NAA) seen.add(value.toString('hex'))
    }
    expect(seen.size).toBe(4)
  })

  test('85h: no address; 86h: every task attribute, a volatile cache, no protection', async () => {
    const addresses = await vpd(thin, VPD_PAGE.MANAGEMENT_NETWORK_ADDRESSES)
    expect(addresses.toString('hex')).toBe('00850000')
    const page = decodeVpdPage(EXTENDED_INQUIRY, await vpd(thin, VPD_PAGE.EXTENDED_INQUIRY))
    expect(page).toMatchObject({ simpSup: true, ordSup: true, headSup: true, vSup: true, nvSup: false, luiClr: true })
    expect(page).toMatchObject({ spt: 0, grdChk: false, appChk: false, refChk: false, wuSup: false, crdSup: false })
  })

  test('87h: every mode page is shared', async () => {
    expect(decodeModePagePolicies(await vpd(thin, VPD_PAGE.MODE_PAGE_POLICY))).toEqual([
      { pageCode: 0x3f, subpageCode: 0xff, mlus: false, policy: 0 },
    ])
  })

  test('88h: the one port, with the name that 83h gives it', async () => {
    const [port, ...others] = decodeScsiPorts(await vpd(thin, VPD_PAGE.SCSI_PORTS))
    expect(others).toEqual([])
    expect(port?.relativePort).toBe(1)
    const names = decodeDeviceIdentification(await vpd(thin, VPD_PAGE.DEVICE_IDENTIFICATION)).filter(
      ({ association, type }) => association === ASSOCIATION.TARGET_PORT && type === DESIGNATOR_TYPE.SCSI_NAME,
    )
    expect(port?.designators).toEqual(names)
  })

  test('B0h: the defaults of the configuration', async () => {
    expect(decodeVpdPage(BLOCK_LIMITS, await vpd(thin, VPD_PAGE.BLOCK_LIMITS))).toMatchObject({
      wsnz: false,
      maximumCompareAndWriteLength: 255,
      maximumTransferLength: 65_536,
      maximumUnmapLbaCount: 0xffff_ffff,
      maximumUnmapBlockDescriptorCount: 256,
      optimalUnmapGranularity: 1,
      maximumWriteSameLength: 0n,
      maximumAtomicTransferLength: 256,
      atomicAlignment: 0,
      atomicTransferLengthGranularity: 0,
      maximumAtomicTransferLengthWithAtomicBoundary: 256,
      maximumAtomicBoundarySize: 256,
    })
  })

  test('B0h: limits of its own, none for what is switched off, no unmap limits on a thick LUN', async () => {
    expect(decodeVpdPage(BLOCK_LIMITS, await vpd(await array.disk(4), VPD_PAGE.BLOCK_LIMITS))).toMatchObject({
      wsnz: true,
      maximumCompareAndWriteLength: 3,
      maximumTransferLength: 9,
      maximumUnmapLbaCount: 55,
      maximumUnmapBlockDescriptorCount: 6,
      optimalUnmapGranularity: 8,
      maximumWriteSameLength: 77n,
    })
    const none = { maximumUnmapLbaCount: 0, maximumUnmapBlockDescriptorCount: 0 }
    expect(decodeVpdPage(BLOCK_LIMITS, await vpd(await array.disk(3), VPD_PAGE.BLOCK_LIMITS))).toMatchObject({
      ...none,
      maximumCompareAndWriteLength: 0,
      maximumWriteSameLength: 0n,
    })
    expect(decodeVpdPage(BLOCK_LIMITS, await vpd(thick, VPD_PAGE.BLOCK_LIMITS))).toMatchObject(none)
  })

  test('B0h: OPTIMAL TRANSFER LENGTH is within the maximum, in blocks', async () => {
    for (const lun of [0, 1, 4, 5, 6]) {
      const limits = decodeVpdPage(BLOCK_LIMITS, await vpd(await array.disk(lun), VPD_PAGE.BLOCK_LIMITS))
      expect(limits.optimalTransferLength, `LUN ${lun}`).toBeLessThanOrEqual(limits.maximumTransferLength)
    }
  })

  test('B1h: a medium that does not rotate, and reads after an erase, of which a thick LUN has one alone', async () => {
    const page = async (on: Disk) =>
      decodeVpdPage(BLOCK_DEVICE_CHARACTERISTICS, await vpd(on, VPD_PAGE.BLOCK_DEVICE_CHARACTERISTICS))
    expect(await page(thin)).toMatchObject({ mediumRotationRate: NON_ROTATING, wabereq: 1, wacereq: 1 })
    expect(await page(thick)).toMatchObject({ mediumRotationRate: NON_ROTATING, wabereq: 0, wacereq: 1 })
  })

  test('B2h agrees with READ CAPACITY(16) and with the switches', async () => {
    const page = async (on: Disk) => decodeLogicalBlockProvisioning(await vpd(on, VPD_PAGE.LOGICAL_BLOCK_PROVISIONING))
    const thinPage = await page(thin)
    expect(thinPage).toMatchObject({
      lbpu: true,
      lbpws: true,
      lbpws10: true,
      ancSup: true,
      provisioningType: PROVISIONING_TYPE.THIN,
    })
    expect(await capacity(thin)).toMatchObject({ lbpme: true, lbprz: (thinPage.lbprz & 1) === 1 })
    const thickPage = await page(thick)
    expect(thickPage).toMatchObject({
      lbpu: false,
      lbpws: false,
      lbpws10: false,
      provisioningType: PROVISIONING_TYPE.FULL,
    })
    expect(await capacity(thick)).toMatchObject({ lbpme: false, lbprz: false })
    expect(await page(await array.disk(3))).toMatchObject({ lbpu: false, lbpws: false, lbpws10: false })
    expect(await page(await array.disk(4))).toMatchObject({ ancSup: false })
  })

  test('physical blocks: LBPPBE and OPTIMAL TRANSFER LENGTH GRANULARITY say the same', async () => {
    for (const [lun, exponent] of [
      [0, 0],
      [5, 3],
      [6, 0],
    ] as const) {
      const on = await array.disk(lun)
      expect((await capacity(on)).lbppbe).toBe(exponent)
      expect(decodeVpdPage(BLOCK_LIMITS, await vpd(on, VPD_PAGE.BLOCK_LIMITS)).optimalTransferLengthGranularity).toBe(
        2 ** exponent,
      )
    }
  })
})

test('identity stays for the life of a LUN: another array on the same state says the same', async () => {
  const first = await arrayForTest([memory()])
  const before = await vpd(await first.disk(), VPD_PAGE.DEVICE_IDENTIFICATION)
  const serial = await vpd(await first.disk(), VPD_PAGE.UNIT_SERIAL_NUMBER)
  await first.running.close()
  const second = await arrayForTest([memory()], {}, { data: first.data })
  expect(await vpd(await second.disk(), VPD_PAGE.DEVICE_IDENTIFICATION)).toEqual(before)
  expect(await vpd(await second.disk(), VPD_PAGE.UNIT_SERIAL_NUMBER)).toEqual(serial)
})

describe('a LUN that is not there (SPC-4 5.10.2, 6.6.2)', () => {
  test('INQUIRY: qualifier 011b, device type 1Fh; other commands: LOGICAL UNIT NOT SUPPORTED', async () => {
    const session = await array.connect()
    const at = { lun: 99 }
    const cdb = INQUIRY.encode({ allocationLength: 96 })
    const { data } = expectGood(await session.execute({ ...at, cdb, dataInLength: 96 }))
    expect(data[0]).toBe(0x7f)
    for (const other of [TEST_UNIT_READY.encode({}), MODE_SENSE_6.encode({ pageCode: 0x3f }), Buffer.from([0xff])]) {
      const { sense } = await session.execute({ ...at, cdb: other })
      expect(sense?.sense).toMatchObject({ key: 5, asc: 0x25, ascq: 0 })
    }
  })
})
