// What an ESXi host looks at and sends before it says "Hardware acceleration: Supported", in its own order: two LUNs of one
// array over two paths, discovered, copied between, locked, zeroed, reclaimed and reserved.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  BLOCK_LIMITS,
  COMPARE_AND_WRITE,
  decodeCapacity16,
  decodeDeviceIdentification,
  decodeLogicalBlockProvisioning,
  decodeOperatingParameters,
  decodeStandardInquiry,
  decodeSupportedPages,
  decodeTargetPortGroups,
  decodeVpdPage,
  encodeUnmapList,
  INQUIRY,
  PORT_GROUPS_FORMAT,
  READ_CAPACITY_16,
  RECEIVE_COPY_OPERATING_PARAMETERS,
  RELEASE_6,
  REPORT_TARGET_PORT_GROUPS,
  RESERVE_6,
  SENSE,
  STATUS,
  TASK_MANAGEMENT_RESPONSE_CODE,
  UNMAP,
  VPD_PAGE,
  WRITE_SAME_16,
} from '../../protocol/index.ts'
import { drainUnitAttentions, MIB, memory, openArray, type TestArray } from './array.ts'
import { copyList, cscd, naaOf, segment, sendCopy } from './commands/copy-list.ts'
import { Disk, expectGood, expectSense, pattern } from './disk.ts'

const SIZE = 64 * MIB
const SEGMENT_BYTES = 4 * MIB

let array: TestArray
/** The same LUN over both paths, and another one. */
let path1: Disk
let path2: Disk
let other: Disk

beforeAll(async () => {
  array = await openArray(
    [memory({ size: SIZE }), memory({ id: 1, size: SIZE })],
    {},
    { portals: ['127.0.0.1:0', '127.0.0.1:0'] },
  )
  const second = Number(array.running.portals[1]!.split(':').at(-1))
  path1 = await array.disk(0)
  path2 = await array.disk(0, { port: second })
  other = new Disk(path1.session, 1)
  await drainUnitAttentions(other)
  return () => array.close()
})

async function vpd(disk: Disk, pageCode: number): Promise<Buffer> {
  const result = await disk.run(INQUIRY, { evpd: true, pageCode, allocationLength: 255 }, { dataInLength: 255 })
  return expectGood(result).data
}

const standardInquiry = async (disk: Disk) =>
  decodeStandardInquiry(expectGood(await disk.run(INQUIRY, { allocationLength: 96 }, { dataInLength: 96 })).data)

describe('an ESXi host with two paths', () => {
  test('finds 3PC, one product for all LUNs, ALUA, and an ascending list of VPD pages', async () => {
    const [one, two, third] = await Promise.all([path1, path2, other].map(standardInquiry))
    expect(one).toMatchObject({ threePc: true, cmdQue: true })
    expect(one!.tpgs).not.toBe(0)
    expect(two).toEqual(one)
    expect([third!.vendor, third!.product]).toEqual([one!.vendor, one!.product])
    const pages = decodeSupportedPages(await vpd(path1, VPD_PAGE.SUPPORTED_PAGES))
    expect(pages).toEqual([...pages].sort((a, b) => a - b))
    expect(pages).toEqual(expect.arrayContaining([0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2]))
  })

  test('names each LUN by one NAA-6 designator, the same on both paths', async () => {
    const [one, two, third] = await Promise.all([path1, path2, other].map(naaOf))
    expect(one!.value.length).toBe(16)
    expect(one!.value[0]! >> 4).toBe(6)
    expect(two).toEqual(one)
    expect(third!.value.equals(one!.value)).toBe(false)
    const naa = decodeDeviceIdentification(await vpd(path1, VPD_PAGE.DEVICE_IDENTIFICATION)).filter(
      ({ type }) => type === 3,
    )
    expect(naa.map(({ association }) => association)).toEqual([0])
  })

  test('is told of both target port groups on either path, alike', async () => {
    const ask = async (disk: Disk) => {
      const fields = { allocationLength: 255, parameterDataFormat: PORT_GROUPS_FORMAT.LENGTH_ONLY }
      const { data } = expectGood(await disk.run(REPORT_TARGET_PORT_GROUPS, fields, { dataInLength: 255 }))
      return decodeTargetPortGroups(data, PORT_GROUPS_FORMAT.LENGTH_ONLY)
    }
    const groups = await ask(path1)
    expect(groups).toHaveLength(2)
    expect(await ask(path2)).toEqual(groups)
  })

  test('ATS: COMPARE AND WRITE of one block, told in Block Limits', async () => {
    const limits = decodeVpdPage(BLOCK_LIMITS, await vpd(path1, VPD_PAGE.BLOCK_LIMITS))
    expect(limits.maximumCompareAndWriteLength).toBeGreaterThanOrEqual(1)
    const [before, after] = [await path1.read(100, 1), pattern(512, 1)]
    const ats = (disk: Disk) =>
      disk.run(COMPARE_AND_WRITE, { lba: 100n, blocks: 1 }, { dataOut: Buffer.concat([before, after]) })
    expectGood(await ats(path1))
    const late = await ats(path2)
    expect(late.sense?.sense).toEqual(SENSE.MISCOMPARE_DURING_VERIFY_OPERATION)
    expect((await path2.read(100, 1)).equals(after)).toBe(true)
  })

  test('clone: 4 MiB segments without a list identifier, LUNs named by what VPD 83h said', async () => {
    const io = { dataInLength: 128 }
    const answer = await path1.run(RECEIVE_COPY_OPERATING_PARAMETERS, { allocationLength: 128 }, io)
    const parameters = decodeOperatingParameters(expectGood(answer).data)
    expect(parameters.snlid).toBe(true)
    expect(parameters.maximumCscdDescriptorCount).toBeGreaterThanOrEqual(2)
    expect(parameters.maximumSegmentDescriptorCount).toBeGreaterThanOrEqual(1)
    expect(parameters.maximumSegmentLength).toBeGreaterThanOrEqual(16 * MIB)
    expect(parameters.implementedDescriptors).toEqual(expect.arrayContaining([0x02, 0xe4]))
    const data = pattern(SEGMENT_BYTES, 7)
    await path1.write(2048, data)
    const names = [cscd(await naaOf(path1)), cscd(await naaOf(other))]
    const list = copyList(names, [segment(2048, 4096, SEGMENT_BYTES / 512, { destination: 1 })])
    expectGood(await sendCopy(path1, list))
    expect((await other.read(4096, SEGMENT_BYTES / 512)).equals(data)).toBe(true)
  })

  test('zero: WRITE SAME(16) of 1 MiB with a block of zeroes', async () => {
    expectGood(await other.run(WRITE_SAME_16, { lba: 4096n, blocks: 2048 }, { dataOut: Buffer.alloc(512) }))
    expect((await other.read(4096, 2048)).equals(Buffer.alloc(MIB))).toBe(true)
  })

  test('delete: thin, LBPU and unmap limits told, a granularity that divides 1 MiB, blocks freed', async () => {
    const capacity = await path1.run(READ_CAPACITY_16, { allocationLength: 32 }, { dataInLength: 32 })
    const { lbpme, lbprz } = decodeCapacity16(expectGood(capacity).data)
    const provisioning = decodeLogicalBlockProvisioning(await vpd(path1, VPD_PAGE.LOGICAL_BLOCK_PROVISIONING))
    expect({ lbpme, lbpu: provisioning.lbpu, type: provisioning.provisioningType }).toEqual({
      lbpme: true,
      lbpu: true,
      type: 2,
    })
    expect(provisioning.lbprz !== 0).toBe(lbprz)
    const limits = decodeVpdPage(BLOCK_LIMITS, await vpd(path1, VPD_PAGE.BLOCK_LIMITS))
    expect(limits.maximumUnmapLbaCount).toBeGreaterThanOrEqual(2048)
    expect(limits.maximumUnmapBlockDescriptorCount).toBeGreaterThanOrEqual(1)
    expect(MIB % (limits.optimalUnmapGranularity * 512)).toBe(0)
    const dataOut = encodeUnmapList([{ lba: 2048n, blocks: 2048 }])
    expectGood(await path1.run(UNMAP, { parameterListLength: dataOut.length }, { dataOut }))
    expect((await path1.read(2048, 2048)).equals(Buffer.alloc(MIB))).toBe(true)
  })

  test('creates a datastore: RESERVE(6) on one path keeps the other out until RELEASE(6)', async () => {
    expectGood(await path1.run(RESERVE_6, {}))
    expect((await path2.run(RESERVE_6, {})).status).toBe(STATUS.RESERVATION_CONFLICT)
    expectGood(await path1.run(RELEASE_6, {}))
    expectGood(await path2.run(RESERVE_6, {}))
    expectGood(await path2.run(RELEASE_6, {}))
  })

  test('aborts a task, and reads past the end with the sense that says so', async () => {
    const task = path1.session.submit({ lun: 0, cdb: INQUIRY.encode({ allocationLength: 36 }), dataInLength: 36 })
    const ended = task.result.catch(() => undefined)
    const { FUNCTION_COMPLETE, TASK_DOES_NOT_EXIST } = TASK_MANAGEMENT_RESPONSE_CODE
    expect([FUNCTION_COMPLETE, TASK_DOES_NOT_EXIST]).toContain(await path1.session.abortTask(task))
    await ended
    const result = await path1.run(
      WRITE_SAME_16,
      { lba: BigInt(SIZE / 512), blocks: 1 },
      { dataOut: Buffer.alloc(512) },
    )
    expectSense(result, SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE, { information: BigInt(SIZE / 512) })
  })
})
