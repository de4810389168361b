// Commands that go wrong on purpose: late, refused, carried out but not answered, each with the history telling what happened.

import { expect, test } from 'vitest'
import { COMPARE_AND_WRITE, READ_16, SENSE, STATUS, TEST_UNIT_READY } from '../../protocol/index.ts'
import type { Injection, LockEvent, SeenCommand } from '../../src/index.ts'
import { arrayForTest, memory } from './array.ts'
import { type Disk, expectGood, expectSense, pattern } from './disk.ts'

const ZEROES = Buffer.alloc(512)
const IMAGE = pattern(512, 1)
const HOUR_MS = 3_600_000

/** An array whose COMPARE AND WRITEs go wrong as the test says; what it saw and tells. */
async function misbehaving(injection: Injection) {
  const seen: SeenCommand[] = []
  const events: LockEvent[] = []
  const array = await arrayForTest(
    [memory()],
    {},
    {},
    {
      onLockEvent: (event) => events.push(event),
      injector(command) {
        if (command.command !== 'COMPARE AND WRITE') return undefined
        seen.push(command)
        return injection
      },
    },
  )
  const disk = await array.disk(0, { initiatorName: 'iqn.2026-11.test:a' })
  return { array, disk, seen, events }
}

const fields = { lba: 7n, blocks: 1 }
const dataOut = Buffer.concat([ZEROES, IMAGE])
const submit = ({ session }: Disk) => session.submit({ lun: 0, cdb: COMPARE_AND_WRITE.encode(fields), dataOut })

test('a command that is refused is not carried out', async () => {
  const busy = await misbehaving({ refuse: { status: STATUS.BUSY } })
  expect((await busy.disk.run(COMPARE_AND_WRITE, fields, { dataOut })).status).toBe(STATUS.BUSY)
  expect(await busy.disk.read(7, 1)).toEqual(ZEROES)
  expect(busy.seen).toMatchObject([
    { lun: 0, lba: 7, blocks: 1, initiatorName: 'iqn.2026-11.test:a', target: busy.array.iqn },
  ])
  expect(busy.events).toMatchObject([{ verdict: 'failed', answered: true, lba: 7 }])
  const { disk } = await misbehaving({ refuse: { sense: SENSE.INVALID_COMMAND_OPERATION_CODE } })
  expectSense(await disk.run(COMPARE_AND_WRITE, fields, { dataOut }), SENSE.INVALID_COMMAND_OPERATION_CODE)
})

test('a command whose answer is lost was carried out, and its abort is answered', async () => {
  const { disk, events } = await misbehaving({ loseAnswer: true })
  const task = submit(disk)
  task.result.catch(() => {})
  while (!(await disk.read(7, 1)).equals(IMAGE)) await disk.run(TEST_UNIT_READY, {})
  expect(await disk.session.abortTask(task)).toBe(0) // FUNCTION COMPLETE
  expect(events).toMatchObject([{ verdict: 'accepted', answered: false, lba: 7 }])
  expectGood(await disk.run(READ_16, fields, { dataInLength: 512 }))
})

test('a command that is aborted while it is delayed never happened', async () => {
  const { disk, events, seen } = await misbehaving({ delayMs: HOUR_MS })
  const task = submit(disk)
  task.result.catch(() => {})
  while (seen.length === 0) await disk.run(TEST_UNIT_READY, {})
  expect(await disk.session.abortTask(task)).toBe(0)
  expect(await disk.read(7, 1)).toEqual(ZEROES)
  expect(events).toMatchObject([{ verdict: 'aborted', answered: false, lba: 7 }])
})

test('a delayed command, and a delayed answer, come in the end', async () => {
  const { disk, events } = await misbehaving({ delayMs: 1, answerDelayMs: 1 })
  expectGood(await disk.run(COMPARE_AND_WRITE, fields, { dataOut }))
  expect(events).toMatchObject([{ verdict: 'accepted', answered: true }])
})

test('what a session had delayed goes with it', async () => {
  const { array, disk, seen, events } = await misbehaving({ delayMs: HOUR_MS })
  submit(disk).result.catch(() => {})
  while (seen.length === 0) await disk.run(TEST_UNIT_READY, {})
  disk.session.destroy()
  const other = await array.disk(0, { initiatorName: 'iqn.2026-11.test:b' })
  while (events.length === 0) await other.run(TEST_UNIT_READY, {})
  expect(events).toMatchObject([{ verdict: 'aborted', answered: false }])
  expect(await other.read(7, 1)).toEqual(ZEROES)
})
