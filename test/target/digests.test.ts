// Header and data digests (RFC 7143 13.1, 7.8): right ones on every kind of PDU in both directions; a wrong one ends the
// connection at ErrorRecoveryLevel 0, or fails the command, and never lets a wrong byte through.

import { crc32c } from '@node-rs/crc32'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  INITIATOR_OPCODE,
  RESERVED_TAG,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { memory, openArray, type TestArray } from './array.ts'
import { type Disk, pattern } from './disk.ts'
import type { RawInitiator } from './raw.ts'

const { R2T, NOP_IN, SCSI_RESPONSE, REJECT } = TARGET_OPCODE

let array: TestArray
let honest: Disk

beforeAll(async () => {
  array = await openArray([memory()])
  honest = await array.disk()
  return () => array.close()
})

describe.each([
  { header: true, data: false },
  { header: false, data: true },
  { header: true, data: true },
])('header digest $header, data digest $data', (digests) => {
  test('reads and writes of every length and way, text, NOP, task management', async () => {
    for (const parameters of [
      {},
      { immediateData: false, initialR2T: true, maxBurstLength: 4096 },
      { maxRecvDataSegmentLength: 1000 },
    ]) {
      const disk = await array.disk(0, { digests, parameters })
      expect(disk.session.parameters).toMatchObject({
        headerDigest: digests.header ? 'CRC32C' : 'None',
        dataDigest: digests.data ? 'CRC32C' : 'None',
      })
      for (const blocks of [1, 7, 100, 2000]) {
        const data = pattern(512 * blocks, blocks)
        await disk.write(blocks, data)
        expect((await disk.read(blocks, blocks)).equals(data)).toBe(true)
      }
      for (const length of [0, 1, 2, 3, 4, 999]) {
        const data = pattern(1000, 1).subarray(0, length)
        expect(await disk.session.nop(data)).toEqual(data)
      }
      expect(await disk.session.text([{ key: 'SendTargets', value: '' }])).toHaveLength(2)
      expect(await disk.session.manage(5, { lun: 99 })).toBe(2)
      await disk.session.logout()
    }
  })

  test('the digests on the wire are CRC32C over header and AHS, and over data and padding (RFC 7143 11.2.3)', async () => {
    const raw = await array.rawSession(keysOf(digests))
    const seen: Buffer[] = []
    raw.socket.on('data', (chunk) => seen.push(chunk))
    raw.send(
      INITIATOR_OPCODE.NOP_OUT,
      { immediate: true, initiatorTaskTag: 1, targetTransferTag: RESERVED_TAG, cmdSn: raw.cmdSn },
      { data: Buffer.from('hello') },
    )
    await raw.take(NOP_IN)
    const bytes = Buffer.concat(seen)
    const dataAt = 48 + (digests.header ? 4 : 0)
    if (digests.header) expect(bytes.readUInt32LE(48)).toBe(crc32c(bytes.subarray(0, 48)))
    if (digests.data) expect(bytes.readUInt32LE(dataAt + 8)).toBe(crc32c(bytes.subarray(dataAt, dataAt + 8)))
    expect(bytes.length).toBe(dataAt + 8 + (digests.data ? 4 : 0))
  })
})

const keysOf = ({ header, data }: { header: boolean; data: boolean }) => ({
  HeaderDigest: header ? 'CRC32C' : 'None',
  DataDigest: data ? 'CRC32C' : 'None',
})
const BOTH = keysOf({ header: true, data: true })

/** What the next PDU of `raw` would be, with a byte changed. */
function corrupted(raw: RawInitiator, at: number, send: () => void): void {
  const original = raw.sendBytes.bind(raw)
  raw.sendBytes = (bytes) => {
    const wrong = Buffer.from(bytes)
    wrong[at]! ^= 1
    original(wrong)
  }
  send()
  raw.sendBytes = original
}

/** The connection ends, or the command fails; whatever is said, it is not GOOD. */
async function expectRefused(raw: RawInitiator): Promise<void> {
  await Promise.race([raw.expectClosed(), new Promise((resolve) => setTimeout(resolve, 300))])
  for (const { header } of raw.received) {
    expect([SCSI_RESPONSE, REJECT]).toContain(header.opcode)
    if (header.opcode === SCSI_RESPONSE) expect(header.status).not.toBe(STATUS.GOOD)
  }
  expect(raw.isClosed || raw.received.length > 0).toBe(true)
}

describe('a wrong digest (RFC 7143 7.8)', () => {
  const write = { write: true, expectedDataTransferLength: 512 }

  test.each([
    ['a header bit', 20],
    ['the header digest', 48],
  ])('%s: the connection ends, other sessions do not notice', async (_, at) => {
    const raw = await array.rawSession(BOTH)
    corrupted(raw, at, () => raw.command(TEST_UNIT_READY.encode({})))
    await raw.expectClosed()
    expect(raw.received.map(({ header }) => header.opcode)).toEqual([])
    await honest.write(0, Buffer.alloc(512))
  })

  test('a header digest of the length fields: nothing is taken for data', async () => {
    const raw = await array.rawSession(BOTH)
    corrupted(raw, 6, () => raw.command(TEST_UNIT_READY.encode({})))
    raw.sendBytes(Buffer.alloc(4096))
    await raw.expectClosed()
  })

  test.each([
    ['a data byte', 52 + 100],
    ['the data digest', 52 + 512],
  ])('%s of immediate data: refused, nothing written', async (_, at) => {
    await honest.write(40, Buffer.alloc(512))
    const raw = await array.rawSession(BOTH)
    corrupted(raw, at, () =>
      raw.command(WRITE_10.encode({ lba: 40, blocks: 1 }), write, { data: Buffer.alloc(512, 1) }),
    )
    await expectRefused(raw)
    expect(await honest.read(40, 1)).toEqual(Buffer.alloc(512))
  })

  test('of Data-Out: refused, and the medium holds no byte of it', async () => {
    await honest.write(41, Buffer.alloc(512))
    const raw = await array.rawSession({ ...BOTH, ImmediateData: 'No', InitialR2T: 'Yes' })
    const initiatorTaskTag = raw.command(WRITE_10.encode({ lba: 41, blocks: 1 }), write)
    const { targetTransferTag } = (await raw.take(R2T)).header
    corrupted(raw, 52 + 7, () => raw.dataOut({ initiatorTaskTag, targetTransferTag }, Buffer.alloc(512, 1)))
    await expectRefused(raw)
    expect(await honest.read(41, 1)).toEqual(Buffer.alloc(512))
  })

  test('of padding: refused', async () => {
    const raw = await array.rawSession(BOTH)
    const send = () =>
      raw.send(
        INITIATOR_OPCODE.NOP_OUT,
        { immediate: true, initiatorTaskTag: 1, targetTransferTag: RESERVED_TAG, cmdSn: raw.cmdSn },
        { data: Buffer.from('hello') },
      )
    corrupted(raw, 52 + 6, send)
    await expectRefused(raw)
  })
})
