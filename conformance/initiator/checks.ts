// What Lunette's initiator is tried with against any target. A check throws when something is not as it should be.

import { randomBytes } from 'node:crypto'
import { TASK_MANAGEMENT_RESPONSE_CODE } from '../../protocol/iscsi/task-management-response.ts'
import { TEST_UNIT_READY } from '../../protocol/scsi/commands/test-unit-ready.ts'
import { PERSISTENT_RESERVATION_TYPE } from '../../protocol/scsi/persistent-reserve-in.ts'
import {
  AuthenticationError,
  discover,
  LoginRefusedError,
  MiscompareError,
  openIscsiDevice,
  ReservationConflictError,
} from '../../src/host/index.ts'
import { ALICE, ARRAY, BLOCK_BYTES, CHAP, MUTUAL, OPEN, rejection, requireThat, type Stage } from './stage.ts'

export interface InitiatorCheck {
  readonly test: string
  run(stage: Stage): Promise<void>
}

const MIB = 1024 * 1024
const { FUNCTION_COMPLETE, TASK_DOES_NOT_EXIST } = TASK_MANAGEMENT_RESPONSE_CODE
const check = (test: string, run: InitiatorCheck['run']): InitiatorCheck => ({ test, run })

const filled = (byte: number, blocks = 1): Buffer => Buffer.alloc(blocks * BLOCK_BYTES, byte)

const LOGINS: readonly InitiatorCheck[] = [
  check('discovery', async ({ host, port }) => {
    const found = (await discover({ host, port })).map(({ name }) => name)
    for (const iqn of [OPEN, CHAP, MUTUAL])
      requireThat(found.includes(iqn), `${iqn} should be among ${found.join(', ')}`)
  }),
  check('login', async (stage) => {
    const unit = await stage.unit()
    await unit.testUnitReady()
    const { blockLength, lastLba } = await unit.capacity()
    requireThat(blockLength === BLOCK_BYTES && lastLba === 131_071n, `64 MiB, not ${lastLba} of ${blockLength}`)
  }),
  check('a target that is none', async (stage) => {
    const error = await rejection(stage.session({ targetName: 'iqn.2026-11.io.lunette:none' }), 'the login should fail')
    requireThat(error instanceof LoginRefusedError && error.statusClass === 2, `refused, not ${error.message}`)
  }),
  check('a LUN that is none', async (stage) => {
    const unit = await stage.unit(7)
    const error = await rejection(openIscsiDevice(unit), 'it should be no disk')
    requireThat(/no logical unit|NOT SUPPORTED/.test(error.message), `no logical unit, not ${error.message}`)
  }),
  check('CHAP', async (stage) => {
    await (await stage.unit(0, 'one', { auth: { chap: ALICE } }, CHAP)).testUnitReady()
  }),
  check('CHAP: a wrong secret', async (stage) => {
    const auth = { chap: { ...ALICE, secret: 'alices-secret-17' } }
    const error = await rejection(stage.unit(0, 'one', { auth }, CHAP), 'the login should fail')
    requireThat(error instanceof LoginRefusedError && error.statusDetail === 1, `0201, not ${error.message}`)
  }),
  check('mutual CHAP', async (stage) => {
    await (await stage.unit(0, 'one', { auth: { chap: ALICE, mutual: ARRAY } }, MUTUAL)).testUnitReady()
  }),
  check('mutual CHAP: the target has another secret', async (stage) => {
    const auth = { chap: ALICE, mutual: { ...ARRAY, secret: 'arrays-secret-of-24-bite' } }
    const error = await rejection(stage.unit(0, 'one', { auth }, MUTUAL), 'the login should fail')
    requireThat(error instanceof AuthenticationError, `an AuthenticationError, not ${error.message}`)
  }),
]

/** Writes random data at places of their own, all at once; reads and verifies them. */
async function roundTrip(stage: Stage, options: Parameters<Stage['unit']>[2]): Promise<void> {
  const unit = await stage.unit(0, 'one', options)
  const pieces = [1, 7, 8, 129, 512, 2048].map((blocks, index) => ({
    lba: 4096 * index + index,
    data: randomBytes(blocks * BLOCK_BYTES),
  }))
  await Promise.all(pieces.map(({ lba, data }) => unit.write16(lba, data)))
  for (const { lba, data } of pieces) {
    const blocks = data.length / BLOCK_BYTES
    requireThat((await unit.read16(lba, blocks)).equals(data), `${blocks} blocks should read back as written`)
    await unit.verify16(lba, blocks, data)
  }
}

const TRANSFERS: readonly InitiatorCheck[] = [
  ...[true, false].flatMap((immediateData) =>
    [true, false].map((initialR2T) =>
      check(`writes: ImmediateData=${immediateData}, InitialR2T=${initialR2T}`, (stage) =>
        roundTrip(stage, { parameters: { immediateData, initialR2T } }),
      ),
    ),
  ),
  check('writes: bursts of 4 KiB, one R2T at a time', (stage) =>
    roundTrip(stage, {
      parameters: {
        immediateData: false,
        initialR2T: true,
        maxBurstLength: 4096,
        firstBurstLength: 4096,
        maxOutstandingR2T: 1,
      },
    }),
  ),
  check('reads: data segments of 512 bytes', (stage) =>
    roundTrip(stage, { parameters: { maxRecvDataSegmentLength: 512 } }),
  ),
  check('header and data digests', (stage) => roundTrip(stage, { digests: { header: true, data: true } })),
  check('a block device: 8 MiB at once', async (stage) => {
    const device = await openIscsiDevice(await stage.unit())
    const data = randomBytes(8 * MIB)
    await device.write(MIB, data)
    await device.flush()
    requireThat((await device.read(MIB, data.length)).equals(data), '8 MiB should read back as written')
  }),
  check('more commands than the window holds', async (stage) => {
    const unit = await stage.unit()
    await Promise.all(Array.from({ length: 1000 }, (_, lba) => unit.write10(lba, filled(lba & 0xff))))
    const read = await unit.read16(0, 1000)
    const right = Array.from({ length: 1000 }, (_, lba) => read[lba * BLOCK_BYTES] === (lba & 0xff)).every(Boolean)
    requireThat(right, 'each of 1,000 blocks should read back as written')
  }),
]

const COMMANDS: readonly InitiatorCheck[] = [
  check('identity', async (stage) => {
    const unit = await stage.unit()
    requireThat((await unit.inquiry()).peripheralDeviceType === 0, 'INQUIRY should tell of a disk')
    for (const page of await unit.vpdPage('supportedPages'))
      requireThat((await unit.vpd(page))[1] === page, `VPD page ${page} should name itself`)
    requireThat((await unit.vpdPage('deviceIdentification')).length > 0, 'there should be designators')
    requireThat((await unit.reportLuns()).luns.includes(unit.lun), 'REPORT LUNS should list the LUN')
    const { lastLba } = await unit.readCapacity16()
    requireThat((await unit.readCapacity10()).lastLba === lastLba, 'both capacities should agree')
    for (const { pages } of [await unit.modeSense(0x08), await unit.modeSense6(0x08)])
      requireThat(pages[0]?.pageCode === 0x08, 'MODE SENSE should return the Caching page')
    const commands = await unit.reportSupportedOperationCodes()
    requireThat(
      commands.some(({ opcode }) => opcode === 0x28),
      'READ(10) should be among the operation codes',
    )
  }),
  check('WRITE SAME, UNMAP, GET LBA STATUS', async (stage) => {
    const unit = await stage.unit()
    await unit.writeSame16(2000, 100, filled(0x5a))
    requireThat((await unit.read16(2099, 1)).equals(filled(0x5a)), 'WRITE SAME should write each block')
    await unit.unmap([{ lba: 2000n, blocks: 96 }])
    requireThat((await unit.read16(2001, 1)).equals(filled(0)), 'unmapped blocks should read as zeroes')
    requireThat((await unit.getLbaStatus(2000)).descriptors[0]?.lba === 2000n, 'the first run should begin at 2000')
  }),
  check('COMPARE AND WRITE', async (stage) => {
    const unit = await stage.unit()
    await unit.write16(3000, filled(1))
    const error = await rejection(unit.compareAndWrite(3000, filled(2), filled(3)), 'it should miscompare')
    requireThat(error instanceof MiscompareError && error.offset === 0, `a miscompare at 0, not: ${error.message}`)
    await unit.compareAndWrite(3000, filled(1), filled(3))
    requireThat((await unit.read16(3000, 1)).equals(filled(3)), 'the block should be replaced')
  }),
  check('RECEIVE COPY OPERATING PARAMETERS', async (stage) => {
    const { maximumSegmentLength } = await (await stage.unit()).receiveCopyOperatingParameters()
    requireThat(maximumSegmentLength >= 4 * MIB, `segments of 4 MiB, not ${maximumSegmentLength}`)
  }),
  check('RESERVE(6) of two hosts', async (stage) => {
    const [one, two] = [await stage.unit(0, 'one'), await stage.unit(0, 'two')]
    for (const each of [one, two]) await each.testUnitReady()
    await one.reserve6()
    const error = await rejection(two.write16(0, filled(1)), 'the other host should be refused')
    requireThat(error instanceof ReservationConflictError, `a reservation conflict, not ${error.message}`)
    await one.write16(0, filled(1))
    await one.release6()
    await two.write16(0, filled(1))
  }),
  check('persistent reservations of two hosts', async (stage) => {
    const [one, two] = [await stage.unit(0, 'one'), await stage.unit(0, 'two')]
    const type = PERSISTENT_RESERVATION_TYPE.WRITE_EXCLUSIVE_REGISTRANTS_ONLY
    await one.persistentReserveOut('registerAndIgnoreExistingKey', { serviceActionKey: 0x11n })
    await one.persistentReserveOut('reserve', { key: 0x11n, type })
    const error = await rejection(two.write16(0, filled(1)), 'who is not registered should be refused')
    requireThat(error instanceof ReservationConflictError, `a reservation conflict, not ${error.message}`)
    await two.persistentReserveOut('registerAndIgnoreExistingKey', { serviceActionKey: 0x22n })
    await two.write16(0, filled(1))
    requireThat((await two.persistentReserveIn('readKeys')).keys.length === 2, 'there should be two keys')
    const { reservation } = await two.persistentReserveIn('readReservation')
    requireThat(reservation?.key === 0x11n && reservation.type === type, 'the first host should hold the reservation')
    await one.persistentReserveOut('clear', { key: 0x11n })
    requireThat((await one.persistentReserveIn('readKeys')).keys.length === 0, 'no key should be left')
  }),
  check('task management', async (stage) => {
    const session = await stage.session()
    const lun = stage.array.lun(0)
    const task = session.submit({ lun, cdb: TEST_UNIT_READY.encode({}) })
    await task.result
    const aborted = await session.abortTask(task)
    requireThat(aborted === TASK_DOES_NOT_EXIST, `a task that has ended should not exist, not ${aborted}`)
    const unit = await stage.unit()
    requireThat((await unit.abortTaskSet()) === FUNCTION_COMPLETE, 'ABORT TASK SET should be complete')
    requireThat((await unit.reset()) === FUNCTION_COMPLETE, 'LOGICAL UNIT RESET should be complete')
    await unit.testUnitReady()
  }),
  check('NOP-Out with data', async (stage) => {
    const echo = await (await stage.session()).nop(Buffer.from('ping'))
    requireThat(echo.toString() === 'ping', 'the data should come back')
  }),
]

/** Writes go on while the array is restarted; what they have written is there. */
async function survives(stage: Stage, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const unit = await stage.unit(1, 'one', { timeouts: { firstBackoffMs: 50, longestBackoffMs: 500 } })
  const data = randomBytes(512 * BLOCK_BYTES)
  const block = (lba: number): Buffer => data.subarray(lba * BLOCK_BYTES, (lba + 1) * BLOCK_BYTES)
  const write = async (first: number): Promise<void> => {
    for (let lba = first; lba < 512; lba += 16) await unit.write16(lba, block(lba), { fua: true })
  }
  const writes = Promise.all(Array.from({ length: 16 }, (_, first) => write(first)))
  writes.catch(() => {})
  await stage.array.restart(signal)
  await writes
  requireThat((await unit.read16(0, 512)).equals(data), 'every block should read back as written')
}

const RECOVERY: readonly InitiatorCheck[] = [
  check('the array is restarted', (stage) => survives(stage, 'SIGTERM')),
  check('the array is killed', (stage) => survives(stage, 'SIGKILL')),
]

export const CHECKS: readonly InitiatorCheck[] = [...LOGINS, ...TRANSFERS, ...COMMANDS, ...RECOVERY]
