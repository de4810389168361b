// The table of operations by volume mode as the notes on the ESXi host give it, and what each method sends for a lock that is free.

import { describe, expect, test } from 'vitest'
import type { Answer, Procedure } from '../../../../src/host/vmfs/locking/commands.ts'
import {
  implementationOf,
  LOCK_OPERATIONS,
  type LockOperation,
  methodOf,
  VOLUME_MODES,
} from '../../../../src/host/vmfs/locking/operations.ts'
import { LOCKING_DEFAULTS } from '../../../../src/host/vmfs/locking/settings.ts'
import { updateSector } from '../../../../src/host/vmfs/locking/update-sector.ts'
import { type Io, ModelDisk } from './model-disk.ts'

const TABLE = `
acquire lock               | reservation | ATS when uncontended | ATS | ATS, on failure reservation
upgrade optimistic lock    | reservation | ATS when uncontended | ATS | ATS, on failure reservation
unlock shared lock         | reservation | reservation          | ATS | ATS, on failure reservation
acquire heartbeat          | reservation | reservation          | ATS | ATS, on failure reservation
maintain heartbeat         | plain write | plain write          | ATS | ATS, on failure plain write
clear heartbeat            | reservation | reservation          | ATS | ATS, on failure reservation
replay heartbeat           | reservation | reservation          | ATS | ATS, on failure reservation
reclaim heartbeat          | reservation | reservation          | ATS | ATS, on failure reservation
acquire lock of dead owner | reservation | reservation          | ATS | ATS, on failure reservation`

const ROWS = TABLE.trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()) as [LockOperation, ...string[]])

test('the nine operations in the four modes', () => {
  expect(LOCK_OPERATIONS.map((name) => [name, ...VOLUME_MODES.map((mode) => methodOf(name, mode, true))])).toEqual(ROWS)
})

test('UseATSForHBOnVMFS5 0 makes the beat a plain write again, and nothing else', () => {
  for (const name of LOCK_OPERATIONS)
    expect(methodOf(name, 'ATS-only', false)).toBe(name === 'maintain heartbeat' ? 'plain write' : 'ATS')
})

test('HardwareAcceleratedLocking 0 makes a host lock as if there were no VAAI, and say so; ATS-only stays ATS-only', () => {
  for (const mode of VOLUME_MODES)
    for (const name of LOCK_OPERATIONS) {
      const wanted = mode === 'ATS-only' ? methodOf(name, mode, true) : methodOf(name, 'VMFS3', true)
      expect([mode, name, methodOf(name, mode, true, false)]).toEqual([mode, name, wanted])
    }
  expect(VOLUME_MODES.map((mode) => [implementationOf(mode, true), implementationOf(mode, false)])).toEqual([
    ...[
      [1, 1],
      [3, 1],
      [2, 2],
      [3, 1],
    ], // reservations, both, ATS alone, both
  ])
})

test('the descriptor, which says the mode, is changed as a heartbeat is acquired', () => {
  for (const mode of VOLUME_MODES)
    expect(methodOf('change locking mode', mode, true)).toBe(methodOf('acquire heartbeat', mode, true))
})

const [BEFORE, AFTER, OTHER] = [1, 2, 3].map((byte) => Buffer.alloc(512, byte)) as [Buffer, Buffer, Buffer]
const RESERVED = ['reserve', 'read', 'write', 'release']

/** Runs one change of sector 0 on a disk that `meddle` may change before each command. */
function change(
  mode: (typeof VOLUME_MODES)[number],
  {
    meddle,
    fail,
    known,
  }: {
    meddle?: (disk: ModelDisk, sent: string[]) => void
    fail?: (io: Io) => Answer['kind'] | undefined
    known?: Buffer
  } = {},
) {
  const disk = new ModelDisk()
  disk.put(0, BEFORE)
  const sent: string[] = []
  const update: Procedure<unknown> = updateSector(
    { ...LOCKING_DEFAULTS, mode, conflictRetries: 3 },
    'acquire lock',
    0,
    (image) => (image.equals(BEFORE) || image.equals(OTHER) ? { write: AFTER } : { leave: 'taken' }),
    known,
  )
  let step = update.next()
  while (!step.done) {
    const command = step.value
    const time = { issuedMs: 0, answeredMs: 0 }
    if (command.kind === 'wait') step = update.next({ kind: 'done', ...time })
    else {
      const io = command as Io
      meddle?.(disk, sent)
      sent.push(io.kind)
      const failed = fail?.(io)
      step = update.next({ ...(failed ? { kind: failed } : disk.execute('us', io)), ...time })
    }
  }
  return { sent, result: step.value, disk }
}

/** Another host is faster once, between the read and the compare and write. */
const collide = (disk: ModelDisk, sent: string[]) => {
  if (sent.length === 1) disk.put(0, OTHER)
}

describe('what a change of one sector sends', () => {
  test.each([
    ['VMFS3', RESERVED],
    ['VMFS3 with VAAI', ['read', 'compareAndWrite']],
    ['ATS-only', ['read', 'compareAndWrite']],
    ['ATS+SCSI', ['read', 'compareAndWrite']],
  ] as const)('%s, uncontended', (mode, expected) => {
    const { sent, disk } = change(mode)
    expect(sent).toEqual(expected)
    expect(disk.at(0)).toEqual(AFTER)
  })

  test.each([
    ['VMFS3 with VAAI', ['read', 'compareAndWrite', ...RESERVED]],
    ['ATS-only', ['read', 'compareAndWrite', 'read', 'compareAndWrite']],
    ['ATS+SCSI', ['read', 'compareAndWrite', 'read', 'compareAndWrite']],
  ] as const)('%s, mid-air collision', (mode, expected) => {
    const { sent, disk } = change(mode, { meddle: collide })
    expect(sent).toEqual(expected)
    expect(disk.at(0)).toEqual(AFTER)
  })

  test.each([
    ['VMFS3 with VAAI', ['read', 'compareAndWrite', ...RESERVED], 'written'],
    ['ATS-only', ['read', 'compareAndWrite'], 'failed'],
    ['ATS+SCSI', ['read', 'compareAndWrite', ...RESERVED], 'written'],
  ] as const)('%s on an array where 89h is an illegal opcode', (mode, expected, kind) => {
    const { sent, result } = change(mode, { fail: (io) => (io.kind === 'compareAndWrite' ? 'unsupported' : undefined) })
    expect(sent).toEqual(expected)
    expect(result).toMatchObject({ kind })
  })

  test('ATS-only tries an ATS that was aborted again, and never reserves', () => {
    const { sent, result } = change('ATS-only', {
      fail: (io) => (io.kind === 'compareAndWrite' ? 'failed' : undefined),
    })
    expect(new Set(sent)).toEqual(new Set(['read', 'compareAndWrite']))
    expect(result).toEqual({ kind: 'failed', why: 'failed' })
  })

  test.each([
    ['VMFS3 with VAAI', ['read', 'compareAndWrite', 'read', 'compareAndWrite', ...RESERVED], 'written'],
    ['ATS-only', Array(32).fill(['read', 'compareAndWrite']).flat(), 'failed'],
    ['ATS+SCSI', ['read', 'compareAndWrite', 'read', 'compareAndWrite', ...RESERVED], 'written'],
  ] as const)('%s on an array that does not answer 89h: it is tried once more', (mode, expected, kind) => {
    const { sent, result } = change(mode, { fail: (io) => (io.kind === 'compareAndWrite' ? 'timeout' : undefined) })
    expect(sent).toEqual(expected)
    expect(result).toMatchObject(kind === 'failed' ? { kind, why: 'timeout' } : { kind })
  })

  test('reservation conflicts are tried again, so often and no more', () => {
    const { sent, result } = change('VMFS3', { fail: () => 'conflict' })
    expect(sent).toEqual(['reserve', 'reserve', 'reserve', 'reserve'])
    expect(result).toEqual({ kind: 'failed', why: 'conflict' })
  })

  test.each([
    ['VMFS3', RESERVED, RESERVED],
    ['VMFS3 with VAAI', ['read', 'compareAndWrite'], ['read', 'compareAndWrite']],
    ['ATS-only', ['compareAndWrite'], ['compareAndWrite', 'read', 'compareAndWrite']],
    ['ATS+SCSI', ['compareAndWrite'], ['compareAndWrite', 'read', 'compareAndWrite']],
  ] as const)('%s, what the sector held is known, and what is known is old', (mode, known, old) => {
    expect(change(mode, { known: BEFORE }).sent).toEqual(known)
    const { sent, disk } = change(mode, { known: OTHER })
    expect(sent).toEqual(old)
    expect(disk.at(0)).toEqual(AFTER)
  })

  test('what is known does not decide that a sector is left as it is', () => {
    const { sent, result } = change('ATS-only', { known: Buffer.alloc(512, 9) })
    expect(sent).toEqual(['read', 'compareAndWrite'])
    expect(result).toMatchObject({ kind: 'written' })
  })

  test('a guess whose answer was lost is found done', () => {
    let sentOnce = false
    const { sent, result } = change('ATS-only', {
      known: BEFORE,
      meddle: (disk) => {
        if (!sentOnce) disk.put(0, AFTER)
        sentOnce = true
      },
      fail: (io) => (io.kind === 'compareAndWrite' ? 'timeout' : undefined),
    })
    expect(sent).toEqual(['compareAndWrite', 'read'])
    expect(result).toMatchObject({ kind: 'written' })
  })

  test('an ATS whose answer was lost is found done, and not sent twice', () => {
    let lost = false
    const { sent, result } = change('ATS-only', {
      meddle: (disk, all) => {
        if (lost || all.at(-1) !== 'read') return
        lost = true
        disk.put(0, AFTER)
      },
      fail: (io) => (io.kind === 'compareAndWrite' ? 'timeout' : undefined),
    })
    expect(sent).toEqual(['read', 'compareAndWrite', 'read'])
    expect(result).toMatchObject({ kind: 'written' })
  })
})
