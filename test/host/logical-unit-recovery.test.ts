// Typed commands while the target is restarted, busy, or reset: against an array over loopback, and against a scripted target.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { encodeCapacity16, encodeSense, SENSE, STATUS, TARGET_OPCODE } from '../../protocol/index.ts'
import {
  BusyError,
  CommandError,
  LogicalUnit,
  MalformedAnswerError,
  openLogicalUnit,
  ReservationLostError,
} from '../../src/host/index.ts'
import { startArray } from '../../src/index.ts'
import { arrayForTest } from '../target/array.ts'
import { pattern } from '../target/disk.ts'
import { accepted, openNexus, type Stage } from './nexus-fixture.ts'
import type { TargetEnd } from './scripted-target.ts'

const BLOCK = 512

describe('an array that is restarted', () => {
  test('writes and reads under way end as if nothing had been', async () => {
    const data = await mkdtemp(join(tmpdir(), 'lunette-restart-'))
    onTestFinished(() => rm(data, { recursive: true, force: true }))
    const iqn = 'iqn.2026-11.io.lunette:restarted'
    const start = (port: number) =>
      startArray({
        data,
        portals: [`127.0.0.1:${port}`],
        targets: [{ iqn, luns: [{ id: 0, store: { type: 'sparse', path: 'lun0.img' }, size: '8MiB' }] }],
      })
    let array = await start(0)
    const port = Number(array.portals[0]!.split(':').at(-1))
    onTestFinished(() => array.close())
    const unit = await openLogicalUnit(`iscsi://127.0.0.1:${port}/${iqn}/0`, { timeouts: { firstBackoffMs: 20 } })
    onTestFinished(() => unit.close())
    const whole = pattern(256 * BLOCK, 3)
    const writes = Array.from({ length: 256 }, (_, lba) =>
      unit.write16(lba, whole.subarray(lba * BLOCK, (lba + 1) * BLOCK)),
    )
    await writes[0]
    await array.close()
    array = await start(port)
    await Promise.all(writes)
    expect((await unit.read16(0, 256)).equals(whole)).toBe(true)
  })

  test('a RESERVE(6) is lost by a reset: commands fail until it is asked for anew or released', async () => {
    const array = await arrayForTest()
    const unit = await openLogicalUnit(`iscsi://127.0.0.1:${array.port}/${array.iqn}/0`)
    onTestFinished(() => unit.close())
    await unit.reserve6()
    await unit.write16(0, Buffer.alloc(BLOCK))
    await unit.reset()
    for (let times = 0; times < 2; times++)
      await expect(unit.write16(0, Buffer.alloc(BLOCK))).rejects.toBeInstanceOf(ReservationLostError)
    await unit.reserve6()
    await unit.write16(0, Buffer.alloc(BLOCK))
    const other = await openLogicalUnit(`iscsi://127.0.0.1:${array.port}/${array.iqn}/0`)
    onTestFinished(() => other.close())
    await other.reset()
    const error = await unit.write16(0, Buffer.alloc(BLOCK)).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(ReservationLostError)
    expect((error as Error).cause).toBeInstanceOf(CommandError)
    await unit.release6()
    await unit.write16(0, Buffer.alloc(BLOCK))
  })
})

describe('statuses that pass', () => {
  async function stage(): Promise<Stage & { unit: LogicalUnit }> {
    const opened = await openNexus()
    return { ...opened, unit: new LogicalUnit(opened.nexus, 0) }
  }

  const end = async (target: TargetEnd, status: number): Promise<void> => {
    const { initiatorTaskTag } = (await target.takeCommand()).header
    target.say(TARGET_OPCODE.SCSI_RESPONSE, { initiatorTaskTag, status })
  }

  test('a storm of TASK SET FULL: all of the commands are done in the end', async () => {
    const { target, clock, unit } = await stage()
    const commands = Array.from({ length: 8 }, () => unit.testUnitReady())
    for (const pauseMs of [10, 20, 40]) {
      for (const _ of commands) await end(target, STATUS.TASK_SET_FULL)
      await clock.pass(pauseMs)
    }
    for (const _ of commands) await end(target, STATUS.GOOD)
    await Promise.all(commands)
  })

  test('a target that is always BUSY: BusyError after 20 times', async () => {
    const { target, clock, unit } = await stage()
    const command = unit.testUnitReady()
    command.catch(() => {})
    for (let times = 0; times < 20; times++) {
      await end(target, STATUS.BUSY)
      await clock.pass(Math.min(1000, 10 * 2 ** times))
    }
    await end(target, STATUS.BUSY)
    await expect(command).rejects.toBeInstanceOf(BusyError)
    await expect(command).rejects.toMatchObject({ command: 'TEST UNIT READY', statusName: 'BUSY' })
  })

  test('unit attentions: passed over and told; what changes the capacity makes it be asked for again', async () => {
    const { target, unit } = await stage()
    const told: string[] = []
    unit.onUnitAttention(({ sense }) => told.push(sense.text))
    const answerCapacity = async (lastLba: bigint): Promise<void> => {
      const { initiatorTaskTag } = (await target.takeCommand()).header
      const data = encodeCapacity16({ lastLba, blockLength: BLOCK })
      target.dataIn(initiatorTaskTag, 0, 0, data, { final: true, hasStatus: true })
    }
    const first = unit.capacity()
    await answerCapacity(99n)
    expect(await first).toMatchObject({ lastLba: 99n })
    const ready = unit.testUnitReady()
    for (const sense of [SENSE.POWER_ON_OCCURRED, SENSE.CAPACITY_DATA_HAS_CHANGED]) {
      const { initiatorTaskTag } = (await target.takeCommand()).header
      const data = encodeSense({ sense }, 'fixed')
      const segment = Buffer.concat([Buffer.from([0, data.length]), data])
      target.say(TARGET_OPCODE.SCSI_RESPONSE, { initiatorTaskTag, status: STATUS.CHECK_CONDITION }, { data: segment })
    }
    await end(target, STATUS.GOOD)
    await ready
    expect(told).toEqual([SENSE.POWER_ON_OCCURRED.text, SENSE.CAPACITY_DATA_HAS_CHANGED.text])
    const second = unit.capacity()
    await answerCapacity(199n)
    expect(await second).toMatchObject({ lastLba: 199n })
  })

  test('GOOD for a read of which less came, and data that cannot be read: MalformedAnswerError', async () => {
    const { target, unit } = await stage()
    const capacity = unit.capacity()
    capacity.catch(() => {})
    const asked = (await target.takeCommand()).header.initiatorTaskTag
    target.dataIn(asked, 0, 0, Buffer.alloc(5), { final: true, hasStatus: true, underflow: true, residualCount: 27 })
    await expect(capacity).rejects.toBeInstanceOf(MalformedAnswerError)

    const again = unit.capacity()
    const { initiatorTaskTag } = (await target.takeCommand()).header
    const data = encodeCapacity16({ lastLba: 9n, blockLength: BLOCK })
    target.dataIn(initiatorTaskTag, 0, 0, data, { final: true, hasStatus: true })
    await again
    const short = unit.read16(0, 2)
    short.catch(() => {})
    const tag = (await target.takeCommand()).header.initiatorTaskTag
    const residual = { final: true, hasStatus: true, underflow: true, residualCount: BLOCK }
    target.dataIn(tag, 0, 0, Buffer.alloc(BLOCK), residual)
    await expect(short).rejects.toThrow('READ(16): GOOD, but underflow of 512 bytes')
  })

  test('a session made anew keeps its commands and loses its RESERVE', async () => {
    const opened = await stage()
    const { target, unit } = opened
    const reserving = unit.reserve6()
    await end(target, STATUS.GOOD)
    await reserving
    const ready = new Promise((resolve) => opened.nexus.onEvent(({ kind }) => kind === 'recovered' && resolve(kind)))
    target.destroy()
    await accepted(opened)
    await ready
    await expect(unit.testUnitReady()).rejects.toBeInstanceOf(ReservationLostError)
  })
})
