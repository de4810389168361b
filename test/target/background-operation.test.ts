// SANITIZE and FORMAT UNIT over a restart of the array: what was under way goes on, what had failed has still failed, and no
// medium is half erased in silence (SBC-3 4.11).

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import {
  encodeOverwriteList,
  FORMAT_UNIT,
  SANITIZE_BLOCK_ERASE,
  SANITIZE_EXIT_FAILURE_MODE,
  SANITIZE_OVERWRITE,
  SENSE,
  STATUS,
  TEST_UNIT_READY,
} from '../../protocol/index.ts'
import { openUnitState } from '../../src/config/unit-state.ts'
import { connect } from '../../src/host/index.ts'
import { startArray } from '../../src/index.ts'
import type { Order } from '../../src/target/background-passes.ts'
import { type LunInput, SIZE } from './array.ts'
import { Disk, expectCdbField, expectGood, expectSense, pattern } from './disk.ts'

const NAA = `6024c55${'0'.repeat(24)}1`
const BLOCKS = SIZE / 512
const IN_PROGRESS = SENSE.LOGICAL_UNIT_NOT_READY_SANITIZE_IN_PROGRESS
const FOREVER_SECONDS = 86_400
const PATTERN = Buffer.from([0xaa, 0x55, 0x01])

let data: string
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'lunette-background-'))
})
afterEach(() => rm(data, { recursive: true, force: true }))

interface Run {
  readonly disk: Disk
  close(): Promise<void>
}

/** The array that lives in `data`, and a disk of it whose unit attention is taken. */
async function started(lun: LunInput = {}): Promise<Run> {
  const luns = [{ size: SIZE, identity: { naa: NAA }, ...lun }]
  const running = await startArray({ data, portals: ['127.0.0.1:0'], targets: [{ luns }] })
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= running.close()
    return closing
  }
  onTestFinished(close)
  const [host, port] = running.portals[0]!.split(':')
  const session = await connect({ host: host!, port: Number(port), targetName: running.targets[0]! })
  const disk = new Disk(session)
  await disk.run(TEST_UNIT_READY, {})
  return {
    disk,
    async close() {
      session.destroy()
      await close()
    },
  }
}

function overwrite(on: Disk, fields: object) {
  const dataOut = encodeOverwriteList({ overwriteCount: 3, invert: true, pattern: PATTERN })
  return on.run(SANITIZE_OVERWRITE, { parameterListLength: dataOut.length, ...fields }, { dataOut })
}

/** What an array that was killed has left behind. */
async function keep(order: Order, passes: number, failed: boolean): Promise<void> {
  await (await openUnitState(data, NAA)).save('background', { order, passes, failed })
}

async function untilReady(on: Disk, meanwhile = IN_PROGRESS as object): Promise<void> {
  for (;;) {
    const { status, sense } = await on.run(TEST_UNIT_READY, {})
    if (status === STATUS.GOOD) return
    expect(sense?.sense).toEqual(meanwhile)
  }
}

async function expectFilled(on: Disk, block: Buffer): Promise<void> {
  for (const lba of [0, BLOCKS / 2, BLOCKS - 64])
    expect((await on.read(lba, 64)).equals(Buffer.alloc(64 * 512, block))).toBe(true)
}

const OVERWRITE = {
  operation: 'overwrite',
  ause: false,
  invert: true,
  count: 3,
  pattern: PATTERN.toString('base64'),
} as const

describe.each([{ type: 'sparse' }, { type: 'file' }] as const)('on a $type image', (store) => {
  test('what the array was closed over goes on at its next start, once', async () => {
    const first = await started({ store, sanitizeSeconds: FOREVER_SECONDS })
    await first.disk.write(0, pattern(64 * 512, 1))
    expectGood(await overwrite(first.disk, { immed: true }))
    expectSense(await first.disk.run(TEST_UNIT_READY, {}), IN_PROGRESS, { progress: expect.any(Number) })
    await first.close()

    const second = await started({ store })
    await untilReady(second.disk)
    await expectFilled(second.disk, Buffer.alloc(512, PATTERN))
    await second.disk.write(0, pattern(512, 2))
    await second.close()

    const third = await started({ store })
    expectGood(await third.disk.run(TEST_UNIT_READY, {}))
    expect(await third.disk.read(0, 1)).toEqual(pattern(512, 2))
  })
})

describe('an array that was killed', () => {
  test.each([0, 1, 2, 3])('overwrite, %i of 3 passes done: the pattern is everywhere, or was', async (passes) => {
    const first = await started()
    await first.disk.write(0, pattern(512, 1))
    await first.close()
    await keep(OVERWRITE, passes, false)
    const { disk } = await started()
    await untilReady(disk)
    // What was done was on the medium before it was remembered.
    if (passes < 3) await expectFilled(disk, Buffer.alloc(512, PATTERN))
    else expect(await disk.read(0, 1)).toEqual(pattern(512, 1))
    expect((await openUnitState(data, NAA)).load('background', z.unknown())).toBeUndefined()
  })

  test('block erase, format: all of it reads as zeroes', async () => {
    const first = await started()
    await first.disk.write(0, pattern(64 * 512, 1))
    await first.close()
    await keep({ operation: 'block erase', ause: true }, 0, false)
    const second = await started()
    await untilReady(second.disk)
    await expectFilled(second.disk, Buffer.alloc(512))
    await second.disk.write(0, pattern(64 * 512, 1))
    await second.close()
    await keep({ operation: 'format', pattern: '' }, 0, false)
    const third = await started()
    await untilReady(third.disk, SENSE.LOGICAL_UNIT_NOT_READY_FORMAT_IN_PROGRESS)
    await expectFilled(third.disk, Buffer.alloc(512))
  })

  test('and comes back with a medium that is read-only: the operation has failed, the old data are not shown', async () => {
    const first = await started()
    await first.disk.write(0, pattern(512, 1))
    await first.close()
    await keep({ operation: 'block erase', ause: false }, 0, false)
    const { disk } = await started({ readOnly: true })
    for (;;) {
      const { status, sense } = await disk.run(TEST_UNIT_READY, {})
      expect(status).toBe(STATUS.CHECK_CONDITION)
      if (sense?.sense.asc === SENSE.SANITIZE_COMMAND_FAILED.asc) break
      expect(sense?.sense).toEqual(IN_PROGRESS)
    }
  })
})

describe('a failure outlives the array', () => {
  test('restricted completion mode: until a SANITIZE succeeds', async () => {
    await (await started()).close()
    await keep(OVERWRITE, 0, true)
    const first = await started()
    expectSense(await first.disk.run(TEST_UNIT_READY, {}), SENSE.SANITIZE_COMMAND_FAILED)
    const exit = await first.disk.run(SANITIZE_EXIT_FAILURE_MODE, {})
    expectCdbField(exit, SANITIZE_EXIT_FAILURE_MODE, 'serviceAction')
    await first.close()
    const second = await started()
    expectSense(await second.disk.run(TEST_UNIT_READY, {}), SENSE.SANITIZE_COMMAND_FAILED)
    expectGood(await second.disk.run(SANITIZE_BLOCK_ERASE, {}))
    await second.close()
    expectGood(await (await started()).disk.run(TEST_UNIT_READY, {}))
  })

  test('unrestricted: until EXIT FAILURE MODE', async () => {
    await (await started()).close()
    await keep({ ...OVERWRITE, ause: true }, 0, true)
    const first = await started()
    expectGood(await first.disk.run(SANITIZE_EXIT_FAILURE_MODE, {}))
    await first.close()
    expectGood(await (await started()).disk.run(TEST_UNIT_READY, {}))
  })

  test('of FORMAT UNIT: until one succeeds', async () => {
    await (await started()).close()
    await keep({ operation: 'format', pattern: '' }, 0, true)
    const { disk } = await started()
    expectSense(await disk.run(TEST_UNIT_READY, {}), SENSE.MEDIUM_FORMAT_CORRUPTED)
    expectGood(await disk.run(FORMAT_UNIT, {}))
    expectGood(await disk.run(TEST_UNIT_READY, {}))
  })
})

describe('what cannot be remembered', () => {
  test('is not begun: the data stay, the unit is ready', async () => {
    const { disk } = await started()
    await disk.write(0, pattern(512, 1))
    await rm(join(data, 'units'), { recursive: true, force: true })
    await writeFile(join(data, 'units'), 'in the way')
    const result = await disk.run(SANITIZE_BLOCK_ERASE, {})
    expectSense(result, SENSE.INTERNAL_TARGET_FAILURE)
    expectGood(await disk.run(TEST_UNIT_READY, {}))
    expect(await disk.read(0, 1)).toEqual(pattern(512, 1))
  })

  test('an operation that makes no sense keeps the array from starting', async () => {
    await (await started()).close()
    await (await openUnitState(data, NAA)).save('background', {
      order: { operation: 'burn' },
      passes: 0,
      failed: false,
    })
    await expect(started()).rejects.toThrow(/damaged \(background makes no sense\)/)
  })
})
