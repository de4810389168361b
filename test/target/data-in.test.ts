// Data of reads (RFC 7143 11.7, 11.4): how the target numbers, cuts and ends them, as it lies on the wire.

import { beforeAll, describe, expect, test } from 'vitest'
import { INQUIRY, READ_10, RESERVED_TAG, STATUS, TARGET_OPCODE } from '../../protocol/index.ts'
import { memory, openArray, type TestArray } from './array.ts'
import { type Disk, pattern } from './disk.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import type { PduOf } from './pdu-socket.ts'
import type { RawInitiator } from './raw.ts'

type DataIn = PduOf<typeof TARGET_OPCODE.DATA_IN>
const BYTES = 64 * 512

let array: TestArray
let disk: Disk
const medium = pattern(BYTES, 5)

beforeAll(async () => {
  array = await openArray([memory()])
  disk = await array.disk()
  await disk.write(0, medium)
  return () => array.close()
})

interface Read {
  readonly parts: DataIn[]
  readonly status: number
  /** Whether the status came in a SCSI Response of its own, and its ExpDataSN then. */
  readonly expDataSn: number | undefined
}

async function read(raw: RawInitiator, cdb: Buffer, expectedDataTransferLength: number): Promise<Read> {
  const initiatorTaskTag = raw.command(cdb, { read: true, expectedDataTransferLength })
  const parts: DataIn[] = []
  for (;;) {
    const pdu = await raw.takeAny()
    const { header } = pdu
    if (header.opcode === TARGET_OPCODE.SCSI_RESPONSE) {
      expect(header).toMatchObject({ initiatorTaskTag, statSn: raw.expStatSn++ })
      return { parts, status: header.status, expDataSn: header.expDataSn }
    }
    if (header.opcode !== TARGET_OPCODE.DATA_IN) throw new Error(`PDU ${header.opcode}`)
    expect(header.initiatorTaskTag).toBe(initiatorTaskTag)
    parts.push(pdu as DataIn)
    if (!header.hasStatus) continue
    expect(header).toMatchObject({ final: true, statSn: raw.expStatSn++ })
    return { parts, status: header.status, expDataSn: undefined }
  }
}

const READ_ALL = READ_10.encode({ blocks: BYTES / 512 })

describe('a read in many PDUs (RFC 7143 4.2.2.4, 11.7.1, 11.7.6)', () => {
  test.each([
    ['512', '512'],
    ['512', '2048'],
    ['1000', '2500'],
    ['4096', '4096'],
    ['16777215', '16777215'],
  ])('MaxRecvDataSegmentLength=%s, MaxBurstLength=%s', async (segment, burst) => {
    const raw = await array.rawSession({
      MaxRecvDataSegmentLength: segment,
      MaxBurstLength: burst,
      FirstBurstLength: '512',
    })
    const { parts, status, expDataSn } = await read(raw, READ_ALL, BYTES)
    expect(status).toBe(STATUS.GOOD)
    if (expDataSn !== undefined) expect(expDataSn).toBe(parts.length)
    let offset = 0
    let sequence = 0
    for (const [index, { header, data }] of parts.entries()) {
      expect(header).toMatchObject({ dataSn: index, bufferOffset: offset, acknowledge: false })
      expect(data.length).toBeGreaterThan(0)
      expect(data.length).toBeLessThanOrEqual(Number(segment))
      offset += data.length
      sequence += data.length
      // The F bit ends a sequence, which is no longer than MaxBurstLength (11.7.1, 13.13).
      expect(sequence).toBeLessThanOrEqual(Number(burst))
      if (offset === BYTES) expect(header.final).toBe(true)
      if (header.final) sequence = 0
    }
    expect(Buffer.concat(parts.map(({ data }) => data)).equals(medium)).toBe(true)
  })

  test('no transfer tag, no residual, no status before the last', async () => {
    const raw = await array.rawSession({ MaxRecvDataSegmentLength: '8192' })
    const { parts } = await read(raw, READ_ALL, BYTES)
    for (const { header } of parts.slice(0, -1))
      expect(header).toMatchObject({
        hasStatus: false,
        overflow: false,
        underflow: false,
        residualCount: 0,
        targetTransferTag: RESERVED_TAG,
      })
  })

  test('a medium that has to be waited for: the same PDUs', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    await (await built.disk()).write(0, medium)
    const raw = await built.raw()
    await raw.login(built.target.iqn, { MaxRecvDataSegmentLength: '2048', MaxBurstLength: '4096' })
    await read(raw, READ_ALL, BYTES) // the unit attention
    store.hold()
    const reading = read(raw, READ_ALL, BYTES)
    await store.untilWaiting(1)
    store.release()
    const { parts, status, expDataSn } = await reading
    expect(status).toBe(STATUS.GOOD)
    if (expDataSn !== undefined) expect(expDataSn).toBe(parts.length)
    expect(parts.map(({ header }) => header.dataSn)).toEqual([...parts.keys()])
    expect(Buffer.concat(parts.map(({ data }) => data)).equals(medium)).toBe(true)
  })
})

describe('the end of a read (RFC 7143 11.7.3)', () => {
  test('residuals travel with the status', async () => {
    const raw = await array.rawSession()
    const over = await read(raw, READ_10.encode({ blocks: 2 }), 512)
    const last = over.parts.at(-1)?.header
    if (over.expDataSn === undefined)
      expect(last).toMatchObject({ overflow: true, underflow: false, residualCount: 512 })
    const under = await read(raw, INQUIRY.encode({ allocationLength: 36 }), 100)
    if (under.expDataSn === undefined)
      expect(under.parts.at(-1)?.header).toMatchObject({ underflow: true, residualCount: 64 })
  })

  test('data whose length is no multiple of four is padded with zeroes (RFC 7143 11.1)', async () => {
    const raw = await array.rawSession()
    const lengths: number[] = []
    for (const allocationLength of [33, 34, 35, 36]) {
      const before = raw.bytesReceived
      const { parts } = await read(raw, INQUIRY.encode({ allocationLength }), allocationLength)
      expect(parts.map(({ data }) => data.length)).toEqual([allocationLength])
      lengths.push(raw.bytesReceived - before)
    }
    for (const length of lengths) expect(length % 4).toBe(0)
  })
})
