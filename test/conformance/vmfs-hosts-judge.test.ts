// The judge of the vmfs-hosts suite: histories of locks and heartbeats as the notes on the format (4, 5) and on the host describe them, and
// each way in which one must not go.

import { beforeEach, describe, expect, test } from 'vitest'
import { Judge } from '../../conformance/vmfs-hosts/judge.ts'
import { decodeLock, decodeSlot } from '../../conformance/vmfs-hosts/sectors.ts'

const A = { host: '5a0c1d2e-11223344-5566-005056010203', slot: 0x300000, generation: 7n }
const B = { host: '5a0c1d2f-55667788-99aa-005056040506', slot: 0x300200, generation: 1n }
const C = { host: '5a0c1d30-00000001-0002-005056070809', slot: 0x300400, generation: 3n }
type Host = typeof A
const LOCK = 0x420000
const LOST_MS = 16_000
const NIL = '00000000-00000000-0000-000000000000'
const ATS = 'COMPARE AND WRITE'
const MODES = ['free', 'exclusive', 'readOnly', 'multiWriter']

function writeUuid(image: Buffer, text: string, at: number) {
  const [seconds, high, random, mac] = text.split('-') as [string, string, string, string]
  image.writeUInt32LE(Number.parseInt(seconds, 16), at)
  image.writeUInt32LE(Number.parseInt(high, 16), at + 4)
  image.writeUInt16LE(Number.parseInt(random, 16), at + 8)
  image.write(mac, at + 10, 'hex')
}

interface SlotFields {
  used?: boolean
  stamp?: bigint
  replayer?: Host
  generation?: bigint
}

function slotOf({ host, slot, generation }: Host, fields: SlotFields = {}): Buffer {
  const { used = true, stamp = 1n, replayer } = fields
  const image = Buffer.alloc(512)
  image.writeUInt32LE(used ? 0xabcdef02 : 0xabcdef01, 0)
  image.writeBigUInt64LE(BigInt(slot), 4)
  image.writeBigUInt64LE(fields.generation ?? generation, 0x0c)
  image.writeBigUInt64LE(stamp, 0x14)
  writeUuid(image, used ? host : NIL, 0x1c)
  if (!replayer) return image
  writeUuid(image, replayer.host, 0x6c)
  image.writeBigUInt64LE(BigInt(replayer.slot), 0x94)
  image.writeBigUInt64LE(replayer.generation, 0x9c)
  return image
}

const freeSlot = (host: Host, generation = host.generation - 1n) => slotOf(host, { used: false, generation })

function lockOf(mode: string, ...holders: Host[]): Buffer {
  const image = Buffer.alloc(512)
  image.writeUInt32LE(0x10c00001, 0)
  image.writeBigUInt64LE(BigInt(LOCK), 4)
  image.writeUInt32LE(MODES.indexOf(mode), 0x24)
  const [first] = holders
  if (!first) return image
  image.writeBigUInt64LE(BigInt(first.slot), 0x0c)
  image.writeBigUInt64LE(first.generation, 0x14)
  if (mode === 'exclusive') writeUuid(image, first.host, 0x28)
  if (mode === 'exclusive') return image
  image.writeUInt32LE(holders.length, 0x40)
  for (const [index, { host, slot, generation }] of holders.entries()) {
    image.writeBigUInt64LE(BigInt(slot), 0x44 + 32 * index)
    image.writeBigUInt64LE(generation, 0x4c + 32 * index)
    writeUuid(image, host, 0x54 + 32 * index)
  }
  return image
}

const FREE = lockOf('free')

let judge: Judge
let atMs: number

const deed = (host: Host, command = ATS, reserved = false) => ({ atMs, initiator: host.host, command, reserved })
const change = (by: Host, offset: number, before: Buffer, after: Buffer, command = ATS, reserved = false) =>
  judge.changed({ ...deed(by, command, reserved), offset, before, after })
const slot = (by: Host, of: Host, before: Buffer, after: Buffer, ...how: [string?, boolean?]) =>
  change(by, of.slot, before, after, ...how)
const lock = (by: Host, before: Buffer, after: Buffer, ...how: [string?, boolean?]) =>
  change(by, LOCK, before, after, ...how)
const data = (by: Host) => judge.wrote(deed(by, 'WRITE(10)'), 0x500000, 512)

/** A peer takes the slot for a dead host's, replays and clears it. */
function bury(by: Host, dead: Host) {
  const claimed = slotOf(dead, { replayer: by })
  slot(by, dead, slotOf(dead), claimed)
  slot(by, dead, claimed, slotOf(dead, { used: false, generation: dead.generation + 1n }))
}

function begin(options: { atsOnly?: boolean; hasEnded?: (host: string) => boolean } = {}) {
  judge = new Judge({ lostMs: LOST_MS, atsOnly: true, ...options })
  atMs = 0
  for (const host of [A, B, C]) slot(host, host, freeSlot(host), slotOf(host))
}

beforeEach(() => begin())

describe('a good history', () => {
  test('takes a lock and gives it back, one host after the other', () => {
    for (const host of [A, B]) {
      lock(host, FREE, lockOf('exclusive', host))
      data(host)
      lock(host, lockOf('exclusive', host), FREE)
    }
    expect(judge.violations).toEqual([])
    expect(judge.counts).toMatchObject({ lockChanges: 4, exclusive: 2, slotsTaken: 3, plainWrites: 2 })
  })

  test('shares a lock', () => {
    lock(A, FREE, lockOf('readOnly', A))
    lock(B, lockOf('readOnly', A), lockOf('readOnly', A, B))
    lock(A, lockOf('readOnly', A, B), lockOf('readOnly', B))
    lock(B, lockOf('readOnly', B), FREE)
    expect(judge.violations).toEqual([])
  })

  test('buries a host that was silent for the time of a lease, and takes its lock then', () => {
    lock(A, FREE, lockOf('exclusive', A))
    atMs = LOST_MS
    bury(B, A)
    lock(B, lockOf('exclusive', A), lockOf('exclusive', B))
    expect(judge.violations).toEqual([])
    expect(judge.counts).toMatchObject({ broken: 1, claims: 1, burials: 1 })
    expect(judge.isBroken(A.host)).toBe(true)
  })

  test('buries a host at once whose process is known to have ended', () => {
    begin({ hasEnded: (host) => host === A.host })
    bury(B, A)
    expect(judge.violations).toEqual([])
  })

  test('has a host that beats, ends, and comes again in the next generation', () => {
    slot(A, A, slotOf(A), slotOf(A, { stamp: 2n }))
    slot(A, A, slotOf(A, { stamp: 2n }), slotOf(A, { used: false }))
    slot(A, A, slotOf(A, { used: false }), slotOf(A, { generation: 8n }))
    data(A)
    expect(judge.violations).toEqual([])
    expect(judge.counts).toMatchObject({ beats: 1, slotsTaken: 4 })
    expect(judge.living()).toContainEqual({ ...A, generation: 8n })
  })

  test('changes a lock by a plain write under a reservation, and beats without one', () => {
    begin({ atsOnly: false })
    lock(A, FREE, lockOf('exclusive', A), 'WRITE(10)', true)
    slot(A, A, slotOf(A), slotOf(A, { stamp: 2n }), 'WRITE(10)', false)
    expect(judge.violations).toEqual([])
  })

  test('has a zombie that takes a lock before it knows: it excludes nobody, and is counted', () => {
    atMs = LOST_MS
    bury(B, A)
    lock(A, FREE, lockOf('exclusive', A))
    lock(B, lockOf('exclusive', A), lockOf('exclusive', B))
    expect(judge.violations).toEqual([])
    expect(judge.counts).toMatchObject({ late: 1, exclusive: 1 })
  })

  test('has one that does so by the heartbeat that it had before', () => {
    atMs = LOST_MS
    bury(B, A)
    const next = { ...A, slot: 0x300600, generation: 1n }
    slot(A, next, freeSlot(next), slotOf(next))
    lock(A, FREE, lockOf('exclusive', A))
    lock(B, lockOf('exclusive', A), lockOf('exclusive', B))
    expect(judge.violations).toEqual([])
    expect(judge.counts).toMatchObject({ late: 1 })
  })
})

/** Each is one wrong step after good ones. */
const WRONG: readonly [string, RegExp, () => void][] = [
  [
    'a lock is taken from a host that lives',
    /took the lock at .* from .*, which lives/,
    () => {
      lock(A, FREE, lockOf('exclusive', A))
      lock(B, lockOf('exclusive', A), lockOf('exclusive', B))
    },
  ],
  [
    'a lock is given back by another host',
    /which lives/,
    () => {
      lock(A, FREE, lockOf('exclusive', A))
      lock(B, lockOf('exclusive', A), FREE)
    },
  ],
  [
    'a lock of a host is taken before its replay is over',
    /which lives/,
    () => {
      lock(A, FREE, lockOf('exclusive', A))
      atMs = LOST_MS
      slot(B, A, slotOf(A), slotOf(A, { replayer: B }))
      lock(B, lockOf('exclusive', A), lockOf('exclusive', B))
    },
  ],
  [
    'one of those who share a lock makes it exclusive',
    /which lives/,
    () => {
      lock(A, FREE, lockOf('readOnly', A))
      lock(B, lockOf('readOnly', A), lockOf('exclusive', B))
    },
  ],
  [
    'the mode of a lock changes under another holder',
    /changed the mode/,
    () => {
      lock(A, FREE, lockOf('readOnly', A))
      lock(B, lockOf('readOnly', A), lockOf('multiWriter', A, B))
    },
  ],
  ['a lock is taken in the name of another', /gave the lock/, () => lock(A, FREE, lockOf('exclusive', B))],
  [
    'a lock is taken by a generation that is not there yet',
    /gave the lock/,
    () => lock(A, FREE, lockOf('exclusive', { ...A, generation: 8n })),
  ],
  [
    'a slot is claimed that has changed lately',
    /claimed the slot .* had changed 15999 ms ago/,
    () => {
      atMs = LOST_MS - 1
      bury(B, A)
    },
  ],
  [
    'a slot is cleared that was not claimed',
    /without having claimed it/,
    () => {
      atMs = LOST_MS
      slot(B, A, slotOf(A), slotOf(A, { used: false, generation: 8n }))
    },
  ],
  [
    'a slot is cleared that somebody else has claimed',
    /without having claimed it/,
    () => {
      atMs = LOST_MS
      slot(B, A, slotOf(A), slotOf(A, { replayer: B }))
      slot(C, A, slotOf(A, { replayer: B }), slotOf(A, { used: false, generation: 8n }))
    },
  ],
  [
    'a slot keeps its generation after a replay',
    /in the same generation/,
    () => {
      atMs = LOST_MS
      slot(B, A, slotOf(A), slotOf(A, { replayer: B }))
      slot(B, A, slotOf(A, { replayer: B }), slotOf(A, { used: false }))
    },
  ],
  [
    'a slot in use gets another host',
    /without clearing it first/,
    () => {
      atMs = LOST_MS
      slot(B, A, slotOf(A), slotOf({ ...B, slot: A.slot }))
    },
  ],
  [
    'a slot is taken without the next generation',
    /not the next one/,
    () => slot(A, A, freeSlot(A, 4n), slotOf(A, { generation: 4n })),
  ],
  [
    'a host writes after its heartbeat was claimed',
    /wrote 512 bytes .* is broken/,
    () => {
      atMs = LOST_MS
      slot(B, A, slotOf(A), slotOf(A, { replayer: B }))
      data(A)
    },
  ],
  [
    'a host writes after it was buried',
    /wrote 512 bytes .* is broken/,
    () => {
      atMs = LOST_MS
      bury(B, A)
      data(A)
    },
  ],
  [
    'somebody writes who has no heartbeat',
    /it has no heartbeat/,
    () => judge.wrote({ ...deed(A, 'WRITE(10)'), initiator: 'nobody' }, 0x500000, 512),
  ],
  [
    'a host goes on while another one replays its journal',
    /went on with the slot/,
    () => {
      atMs = LOST_MS
      slot(B, B, slotOf(B), slotOf(B, { stamp: 2n }))
      slot(B, A, slotOf(A), slotOf(A, { replayer: B }))
      slot(A, A, slotOf(A, { replayer: B }), slotOf(A, { stamp: 2n }))
    },
  ],
  [
    'a lock of an ATS-only volume is written plainly',
    /plain write of an ATS-only/,
    () => lock(A, FREE, lockOf('exclusive', A), 'WRITE(10)', true),
  ],
  [
    'a beat of an ATS-only volume is a plain write',
    /plain write without/,
    () => slot(A, A, slotOf(A), slotOf(A, { stamp: 2n }), 'WRITE(10)'),
  ],
  [
    'a lock is written without the reservation',
    /by a plain write without a reservation/,
    () => {
      begin({ atsOnly: false })
      lock(A, FREE, lockOf('exclusive', A), 'WRITE(10)')
    },
  ],
  [
    'a slot is taken without the reservation',
    /by a plain write without a reservation/,
    () => {
      begin({ atsOnly: false })
      atMs = LOST_MS
      slot(B, A, slotOf(A), slotOf(A, { replayer: B }), 'WRITE(10)')
    },
  ],
  ['a lock is overwritten with data', /with something else/, () => lock(A, lockOf('exclusive', A), Buffer.alloc(512))],
  [
    'a lock was changed behind the record',
    /nobody is known to have written/,
    () => {
      lock(A, FREE, lockOf('exclusive', A))
      lock(B, FREE, lockOf('exclusive', B))
    },
  ],
]

test.each(WRONG)('it finds that %s', (_, message, history) => {
  history()
  expect(judge.violations.join('\n')).toMatch(message)
})

test('what is no slot and no lock at its place is neither', () => {
  expect(decodeSlot(slotOf(A), B.slot)).toBeUndefined()
  expect(decodeSlot(Buffer.alloc(512), A.slot)).toBeUndefined()
  expect(decodeLock(FREE, LOCK + 512)).toBeUndefined()
  expect(decodeLock(Buffer.alloc(512), LOCK)).toBeUndefined()
})
