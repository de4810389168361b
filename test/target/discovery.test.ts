// SendTargets (RFC 7143 appendix C, 13.3), Text Requests (11.10, 11.11), and what a discovery session may not do (4.3).

import { beforeAll, describe, expect, test } from 'vitest'
import {
  encodeLun,
  INITIATOR_OPCODE,
  parseSendTargets,
  RESERVED_TAG,
  TARGET_OPCODE,
  TEST_UNIT_READY,
} from '../../protocol/index.ts'
import { connect, discover, RejectedError } from '../../src/host/index.ts'
import type { RunningArray } from '../../src/index.ts'
import { arrayForTest, memory, openArray, type TestArray } from './array.ts'
import { keysOf, type RawInitiator, text } from './raw.ts'

const NAME = 'iqn.2026-11.io.lunette:'
const FRIEND = `${NAME}friend`
const { TEXT_REQUEST } = INITIATOR_OPCODE
const { TEXT_RESPONSE, REJECT } = TARGET_OPCODE

let array: TestArray
let running: RunningArray
let ports: number[]

beforeAll(async () => {
  array = await openArray(
    [memory()],
    {},
    {
      portals: ['127.0.0.1:0', '127.0.0.1:0'],
      targets: [
        { iqn: `${NAME}open`, luns: [memory()] },
        { iqn: `${NAME}closed`, initiators: [FRIEND], luns: [memory()] },
        { iqn: `${NAME}second`, portals: [1], luns: [memory()] },
      ],
    },
  )
  running = array.running
  ports = running.portals.map((portal) => Number(portal.split(':')[1]))
  return () => array.close()
})

const discoverAt = (portal: number, initiatorName?: string) =>
  discover({ host: '127.0.0.1', port: ports[portal]!, ...(initiatorName && { initiatorName }) })

async function discovery(keys: Record<string, string> = {}): Promise<RawInitiator> {
  const raw = await array.raw()
  await raw.login(undefined, keys)
  return raw
}

function sendText(raw: RawInitiator, data: Buffer, fields: object = {}): number {
  const initiatorTaskTag = raw.takeTag()
  const usual = { immediate: true, final: true, initiatorTaskTag, targetTransferTag: RESERVED_TAG, cmdSn: raw.cmdSn }
  raw.send(TEXT_REQUEST, { ...usual, ...fields }, { data })
  return initiatorTaskTag
}

describe('SendTargets=All (RFC 7143 13.3)', () => {
  test('the targets that the initiator may log in to, each with the portals that lead there', async () => {
    const addresses = (...indexes: number[]) => indexes.map((i) => ({ host: '127.0.0.1', port: ports[i], tag: i + 1 }))
    const open = { name: `${NAME}open`, addresses: addresses(0, 1) }
    const second = { name: `${NAME}second`, addresses: addresses(1) }
    expect(await discoverAt(0)).toEqual([open, second])
    const forFriend = await discoverAt(1, FRIEND)
    expect(forFriend).toEqual([open, { name: `${NAME}closed`, addresses: addresses(0, 1) }, second])
  })

  test('each address that it tells can be logged in to', async () => {
    for (const { name, addresses } of await discoverAt(0, FRIEND))
      for (const { host, port } of addresses) {
        const session = await connect({ host, port, targetName: name, initiatorName: FRIEND })
        await session.logout()
      }
  })

  test('a target is refused on a portal that does not lead to it', async () => {
    const attempt = connect({ host: '127.0.0.1', port: ports[0]!, targetName: `${NAME}second` })
    await expect(attempt).rejects.toMatchObject({ statusClass: 2, statusDetail: 3 })
  })

  test('a portal on every address tells the one that was reached', async () => {
    const own = await arrayForTest([memory()], {}, { portals: ['0.0.0.0:0'] })
    expect(await discover({ host: '127.0.0.1', port: own.port })).toMatchObject([
      { addresses: [{ host: '127.0.0.1', port: own.port }] },
    ])
  })

  test('an array without targets for this initiator: an empty list', async () => {
    const own = await arrayForTest([memory()], { initiators: [FRIEND] })
    expect(await discover({ host: '127.0.0.1', port: own.port })).toEqual([])
  })
})

describe('SendTargets with another value (RFC 7143 13.3)', () => {
  test('a name in a discovery session: that target alone, or nothing', async () => {
    const raw = await discovery()
    sendText(raw, text({ SendTargets: `${NAME}open` }))
    expect(parseSendTargets((await raw.take(TEXT_RESPONSE)).data).map(({ name }) => name)).toEqual([`${NAME}open`])
    for (const hidden of [`${NAME}closed`, `${NAME}nothing`]) {
      sendText(raw, text({ SendTargets: hidden }))
      expect(parseSendTargets((await raw.take(TEXT_RESPONSE)).data)).toEqual([])
    }
  })

  test('in a normal session: no value and its own name give its target; All is rejected', async () => {
    const raw = await array.raw()
    await raw.login(`${NAME}open`)
    for (const value of ['', `${NAME}open`]) {
      sendText(raw, text({ SendTargets: value }))
      expect(parseSendTargets((await raw.take(TEXT_RESPONSE)).data).map(({ name }) => name)).toEqual([`${NAME}open`])
    }
    sendText(raw, text({ SendTargets: 'All' }))
    const { header, data } = await raw.takeAny()
    if (header.opcode === TEXT_RESPONSE) expect(keysOf(data)).toEqual({ SendTargets: 'Reject' })
    else expect(header.opcode).toBe(REJECT)
  })
})

describe('Text Requests (RFC 7143 11.10)', () => {
  test('final, its own task tag, no transfer tag, a StatSN of its own', async () => {
    const raw = await discovery()
    const initiatorTaskTag = sendText(raw, text({ SendTargets: 'All' }))
    const { header } = await raw.take(TEXT_RESPONSE)
    expect(header).toMatchObject({
      final: true,
      continue: false,
      initiatorTaskTag,
      targetTransferTag: RESERVED_TAG,
      statSn: raw.expStatSn,
    })
  })

  test('a request in pieces (C bit) and an answer in pieces of MaxRecvDataSegmentLength (RFC 7143 11.11)', async () => {
    const raw = await discovery({ MaxRecvDataSegmentLength: '512' })
    const fill = Array.from({ length: 100 }, (_, i): [string, string] => [`X-${i}`, 'x'])
    const whole = text([...fill, ['SendTargets', 'All']])
    const initiatorTaskTag = sendText(raw, whole.subarray(0, 300), { final: false, continue: true })
    const first = await raw.take(TEXT_RESPONSE)
    expect(first.header).toMatchObject({ final: false, continue: false, initiatorTaskTag })
    expect(first.data.length).toBe(0)
    expect(first.header.targetTransferTag).not.toBe(RESERVED_TAG)
    let { targetTransferTag } = first.header
    const answer: Buffer[] = []
    sendText(raw, whole.subarray(300), { initiatorTaskTag, targetTransferTag })
    for (;;) {
      const { header, data } = await raw.take(TEXT_RESPONSE)
      expect(data.length).toBeLessThanOrEqual(512)
      answer.push(data)
      if (header.final) break
      expect(header.continue).toBe(true)
      targetTransferTag = header.targetTransferTag
      sendText(raw, Buffer.alloc(0), { initiatorTaskTag, targetTransferTag })
    }
    expect(answer.length).toBeGreaterThan(2)
    const all = Buffer.concat(answer)
    expect(parseSendTargets(all).map(({ name }) => name)).toEqual([`${NAME}open`, `${NAME}second`])
    expect(keysOf(all)['X-99']).toBe('NotUnderstood')
  })

  test('a new request (no transfer tag) ends the one before it', async () => {
    const raw = await discovery()
    sendText(raw, Buffer.from('SendTar'), { final: false, continue: true })
    await raw.take(TEXT_RESPONSE)
    sendText(raw, text({ SendTargets: 'All' }))
    expect(parseSendTargets((await raw.take(TEXT_RESPONSE)).data)).toHaveLength(2)
  })

  test('a transfer tag that the target did not give, F and C bits together, malformed text: Reject', async () => {
    const raw = await discovery()
    for (const [data, fields] of [
      [text({ SendTargets: 'All' }), { targetTransferTag: 0x1234 }],
      [text({ SendTargets: 'All' }), { final: true, continue: true }],
      [Buffer.from('no equals\0'), {}],
    ] as const) {
      sendText(raw, data, fields)
      expect((await raw.take(REJECT)).data[0]! & 0x3f).toBe(TEXT_REQUEST)
    }
    sendText(raw, text({ SendTargets: 'All' }))
    expect(parseSendTargets((await raw.take(TEXT_RESPONSE)).data)).toHaveLength(2)
  })

  test('unknown keys: NotUnderstood; keys of login: not taken (RFC 7143 6.2, 13.22)', async () => {
    const raw = await discovery()
    sendText(raw, text({ 'X-a': '1', SendTargets: 'All' }))
    expect(keysOf((await raw.take(TEXT_RESPONSE)).data)['X-a']).toBe('NotUnderstood')
    sendText(raw, text({ HeaderDigest: 'CRC32C' }))
    const { header, data } = await raw.takeAny()
    if (header.opcode === TEXT_RESPONSE) expect(keysOf(data).HeaderDigest).toBe('Reject')
    else expect(header.opcode).toBe(REJECT)
  })

  test('MaxRecvDataSegmentLength declared anew holds from then on (RFC 7143 6.4, 13.12)', async () => {
    const raw = await array.raw()
    await raw.login(`${NAME}open`)
    sendText(raw, text({ MaxRecvDataSegmentLength: '512' }))
    await raw.take(TEXT_RESPONSE)
    raw.send(
      INITIATOR_OPCODE.NOP_OUT,
      { immediate: true, initiatorTaskTag: 1, targetTransferTag: RESERVED_TAG, cmdSn: raw.cmdSn },
      { data: Buffer.alloc(2000, 7) },
    )
    expect((await raw.take(TARGET_OPCODE.NOP_IN)).data.length).toBe(512)
  })

  test('text without an end is cut off (RFC 7143 6.4)', async () => {
    const raw = await discovery()
    let sent = 0
    const initiatorTaskTag = sendText(raw, Buffer.alloc(8000, 0x41), { final: false, continue: true })
    for (; sent < 1 << 20; sent += 8000) {
      const { header } = await raw.takeAny()
      if (header.opcode !== TEXT_RESPONSE) break
      const { targetTransferTag } = header
      sendText(raw, Buffer.alloc(8000, 0x41), { final: false, continue: true, initiatorTaskTag, targetTransferTag })
    }
    expect(sent).toBeLessThanOrEqual(72 * 1024)
  })

  test('a non-immediate Text Request takes a CmdSN', async () => {
    const raw = await discovery()
    sendText(raw, text({ SendTargets: 'All' }), { immediate: false })
    expect((await raw.take(TEXT_RESPONSE)).header.expCmdSn).toBe(raw.cmdSn + 1)
  })
})

describe('a discovery session (RFC 7143 4.3)', () => {
  test('TSIH is given, and irrelevant keys are answered Irrelevant', async () => {
    const raw = await array.raw()
    const settled = await raw.login(undefined, { MaxBurstLength: '512', InitialR2T: 'No', HeaderDigest: 'None' })
    expect(raw.tsih).not.toBe(0)
    expect(settled).toMatchObject({ MaxBurstLength: 'Irrelevant', InitialR2T: 'Irrelevant', HeaderDigest: 'None' })
  })

  test('SCSI Command, Task Management and SNACK are rejected; NOP-Out is answered', async () => {
    const raw = await discovery()
    raw.command(TEST_UNIT_READY.encode({}))
    expect((await raw.take(REJECT)).data[0]! & 0x3f).toBe(INITIATOR_OPCODE.SCSI_COMMAND)
    const tag = { initiatorTaskTag: 5, immediate: true, cmdSn: raw.cmdSn, lun: encodeLun(0) }
    raw.send(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST, { ...tag, function: 5 })
    expect((await raw.take(REJECT)).data[0]! & 0x3f).toBe(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST)
    raw.send(INITIATOR_OPCODE.NOP_OUT, { ...tag, targetTransferTag: RESERVED_TAG })
    await raw.take(TARGET_OPCODE.NOP_IN)
  })

  test('a rejected command does not count as received: its CmdSN is still due (RFC 7143 7.3)', async () => {
    const raw = await discovery()
    raw.command(TEST_UNIT_READY.encode({}))
    expect((await raw.take(REJECT)).header.expCmdSn).toBe(raw.cmdSn - 1)
    sendText(raw, text({ SendTargets: 'All' }), { immediate: false, cmdSn: raw.cmdSn - 1 })
    expect((await raw.take(TEXT_RESPONSE)).header.expCmdSn).toBe(raw.cmdSn)
  })

  test('the initiator hears of a rejected command as RejectedError', async () => {
    const session = await connect({ host: '127.0.0.1', port: ports[0]! })
    for (let i = 0; i < 3; i++)
      await expect(session.execute({ lun: 0, cdb: TEST_UNIT_READY.encode({}) })).rejects.toBeInstanceOf(RejectedError)
    await session.logout()
  })
})

test('two arrays in one process know nothing of each other', async () => {
  const other = await arrayForTest([memory()], { iqn: `${NAME}other` })
  expect((await discover({ host: '127.0.0.1', port: other.port })).map(({ name }) => name)).toEqual([`${NAME}other`])
  expect((await discoverAt(0)).map(({ name }) => name)).not.toContain(`${NAME}other`)
})
