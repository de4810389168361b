// COMPARE AND WRITE by many at once (SBC-4 5.3, and what VMFS rests on): of those that expect the same block exactly one
// writes it, an aborted one is all or nothing, and nothing happens after the initiator was told that it is over.

import { setImmediate } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { Random } from '../../conformance/fuzz/random.ts'
import { COMPARE_AND_WRITE, SENSE, STATUS, TASK_MANAGEMENT_RESPONSE_CODE } from '../../protocol/index.ts'
import { type CommandResult, type InitiatorSession, type ScsiTask, TaskAbortedError } from '../../src/host/index.ts'
import { memory, openArray, type TestArray } from './array.ts'
import type { Disk } from './disk.ts'

const RACERS = 8
const SEED = Number(process.env.LUNETTE_RACE_SEED ?? 1)
const { FUNCTION_COMPLETE, TASK_DOES_NOT_EXIST } = TASK_MANAGEMENT_RESPONSE_CODE
/** On the first LUN a command ends at once; on the second one it waits for the disk. */
const AT_ONCE = 0
const WAITING = 1

let array: TestArray
beforeAll(async () => {
  array = await openArray([memory(), { id: WAITING, store: { type: 'sparse' }, size: '8MiB', writeCache: false }])
  return () => array.close()
})

/** Every other one sends its data only when it is asked to (R2T), so that the commands stand in line for a while. */
const options = (racer: number) => ({
  initiatorName: `iqn.2026-11.com.example:racer${racer}`,
  isid: Buffer.from([0x80, 0, 0, 0, 0, racer]),
  parameters: racer % 2 === 0 ? {} : { initialR2T: true, immediateData: false },
})

const racers = (lun: number): Promise<Disk[]> =>
  Promise.all(Array.from({ length: RACERS }, (_, racer) => array.disk(lun, options(racer))))

/** What this racer would like to see in the block after this round: no two are alike. */
function imageOf(round: number, racer: number): Buffer {
  const image = Buffer.alloc(512, round & 0xff)
  image.writeUInt32BE(round, 200)
  image.writeUInt32BE(racer, 300)
  return image
}

const submit = ({ session, lun }: Disk, lba: number, expected: Buffer, replacement: Buffer): ScsiTask =>
  session.submit({
    lun,
    cdb: COMPARE_AND_WRITE.encode({ lba: BigInt(lba), blocks: 1 }),
    dataOut: Buffer.concat([expected, replacement]),
  })

/** GOOD, or a miscompare: nothing else. */
function hasWon({ status, sense }: CommandResult): boolean {
  if (status === STATUS.GOOD) return true
  expect({ status, sense: sense?.sense }).toEqual({
    status: STATUS.CHECK_CONDITION,
    sense: SENSE.MISCOMPARE_DURING_VERIFY_OPERATION,
  })
  return false
}

const firstDifference = (a: Buffer, b: Buffer): bigint => BigInt(a.findIndex((byte, index) => byte !== b[index]))

describe(`COMPARE AND WRITE by ${RACERS} sessions (seed ${SEED})`, () => {
  test.each([
    ['answered at once', AT_ONCE, 10_000],
    ['through to the disk', WAITING, 300],
  ])(
    '%s: exactly one wins each round, and the last image is the last winner',
    async (_, lun, rounds) => {
      const disks = await racers(lun)
      let current = await disks[0]!.read(7, 1)
      for (let round = 1; round <= rounds; round++) {
        const tasks = disks.map((disk, racer) => submit(disk, 7, current, imageOf(round, racer)))
        const results = await Promise.all(tasks.map((task) => task.result))
        const winners = results.flatMap((result, racer) => (hasWon(result) ? [racer] : []))
        expect(winners).toHaveLength(1)
        const next = imageOf(round, winners[0]!)
        const offset = firstDifference(current, next)
        for (const { sense } of results) if (sense) expect(sense.information).toBe(offset)
        current = next
      }
      expect((await disks[0]!.read(7, 1)).equals(current)).toBe(true)
      for (const { session } of disks) await session.logout()
    },
    120_000,
  )

  test.each([
    ['answered at once', AT_ONCE, 2000],
    ['through to the disk', WAITING, 150],
  ])(
    '%s, a third of them aborted: all or nothing, and never later',
    async (_, lun, rounds) => {
      const random = new Random(SEED)
      const disks = await racers(lun)
      let current = await disks[0]!.read(9, 1)
      let aborted = 0
      for (let round = 1; round <= rounds; round++) {
        const tasks = disks.map((disk, racer) => submit(disk, 9, current, imageOf(round, racer)))
        const outcomes = await Promise.all(
          tasks.map((task, racer) => (random.chance(1 / 3) ? abort(disks[racer]!.session, task, random) : wins(task))),
        )
        aborted += outcomes.filter((outcome) => outcome === 'aborted').length
        current = await settled(disks[0]!, 9, current, round, outcomes)
      }
      expect(aborted).toBeGreaterThan(0)
      for (const { session } of disks) await session.logout()
    },
    120_000,
  )

  test.each([
    ['answered at once', AT_ONCE, 200],
    ['through to the disk', WAITING, 100],
  ])(
    '%s, one connection lost in each round: all or nothing once its port has logged in again',
    async (_, lun, rounds) => {
      const random = new Random(SEED)
      const disks = await racers(lun)
      const observer = await array.disk(lun)
      let current = await observer.read(11, 1)
      for (let round = 1; round <= rounds; round++) {
        const lost = random.below(RACERS)
        const tasks = disks.map((disk, racer) => submit(disk, 11, current, imageOf(round, racer)))
        const ended = Promise.all(tasks.map((task, racer) => (racer === lost ? vanished(task) : wins(task))))
        if (random.chance(0.5)) await setImmediate()
        disks[lost]!.session.destroy()
        const outcomes = await ended
        disks[lost] = await array.disk(lun, options(lost))
        current = await settled(observer, 11, current, round, outcomes)
      }
      for (const { session } of [...disks, observer]) await session.logout()
    },
    120_000,
  )
})

/** What is known of a command: 'aborted' may have won or not, but it is over. */
type Outcome = 'won' | 'lost' | 'aborted'

const wins = async (task: ScsiTask): Promise<Outcome> => (hasWon(await task.result) ? 'won' : 'lost')

const vanished = (task: ScsiTask): Promise<Outcome> => wins(task).catch(() => 'aborted' as const)

async function abort(session: InitiatorSession, task: ScsiTask, random: Random): Promise<Outcome> {
  const outcome = wins(task).catch((error: unknown) => {
    expect(error).toBeInstanceOf(TaskAbortedError)
    return 'aborted' as const
  })
  for (let turns = random.below(4); turns > 0; turns--) await setImmediate()
  expect([FUNCTION_COMPLETE, TASK_DOES_NOT_EXIST]).toContain(await session.abortTask(task))
  return outcome
}

/** The block holds what the one winner wrote; without one what it held, or what an aborted command wrote. It stays so. */
async function settled(
  disk: Disk,
  lba: number,
  before: Buffer,
  round: number,
  outcomes: readonly Outcome[],
): Promise<Buffer> {
  const block = await disk.read(lba, 1)
  const writers = [...outcomes.keys()].filter((racer) => block.equals(imageOf(round, racer)))
  const [writer] = writers
  const won = outcomes.filter((outcome) => outcome === 'won').length
  expect(won).toBeLessThanOrEqual(1)
  if (won === 1) expect(outcomes[writer ?? -1]).toBe('won')
  else if (writer === undefined) {
    expect(block.equals(before)).toBe(true)
    expect(outcomes).not.toContain('lost') // who loses has seen another image
  } else expect(outcomes[writer]).toBe('aborted')
  await setImmediate()
  expect((await disk.read(lba, 1)).equals(block)).toBe(true)
  return block
}
