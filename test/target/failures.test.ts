// A medium that fails: each failure of a store has its status and sense data, the connection stays up (SPC-4 annex F); and the
// order in which commands are carried out on one that is slow (SAM-5 8.6, task attributes).

import { describe, expect, test } from 'vitest'
import { StoreError, type StoreFailure } from '../../luns/errors.ts'
import {
  COMPARE_AND_WRITE,
  encodeUnmapList,
  READ_16,
  RELEASE_6,
  RESERVE_6,
  SENSE,
  type Sense,
  STATUS,
  SYNCHRONIZE_CACHE_10,
  TASK_ATTRIBUTE,
  TASK_MANAGEMENT_FUNCTION,
  TEST_UNIT_READY,
  UNMAP,
  VERIFY_16,
  WRITE_10,
  WRITE_16,
  WRITE_AND_VERIFY_16,
  WRITE_SAME_16,
} from '../../protocol/index.ts'
import type { ScsiCommand } from '../../src/host/index.ts'
import { drainUnitAttentions, SIZE } from './array.ts'
import { copyList, cscd, naaOf, segment, sendCopy } from './commands/copy-list.ts'
import { expectGood } from './disk.ts'
import { HeldStore, handBuilt } from './hand-built.ts'

/** A medium that fails from the moment that it is told to. */
class FailingStore extends HeldStore {
  failure: StoreFailure | Error | undefined

  #check(): void {
    if (this.failure instanceof Error) throw this.failure
    if (this.failure) throw new StoreError(this.failure, 'as the test wants it')
  }
  override readNow(...args: Parameters<HeldStore['readNow']>): boolean {
    return this.failure === undefined && super.readNow(...args)
  }
  override async read(...args: Parameters<HeldStore['read']>): Promise<void> {
    if (this.failure !== 'no space' && this.failure !== 'read-only') this.#check()
    return super.read(...args)
  }
  override writeNow(...args: Parameters<HeldStore['writeNow']>): boolean {
    this.#check()
    return super.writeNow(...args)
  }
  override async write(...args: Parameters<HeldStore['write']>): Promise<void> {
    this.#check()
    return super.write(...args)
  }
  override async flush(): Promise<void> {
    this.#check()
  }
  override async unmap(...args: Parameters<HeldStore['unmap']>): Promise<void> {
    this.#check()
    return super.unmap(...args)
  }
}

const block = Buffer.alloc(512, 1)
const WRITES: [string, Omit<ScsiCommand, 'lun'>][] = [
  ['WRITE', { cdb: WRITE_16.encode({ blocks: 1 }), dataOut: block }],
  ['WRITE, FUA', { cdb: WRITE_16.encode({ blocks: 1, fua: true }), dataOut: block }],
  ['a large WRITE', { cdb: WRITE_16.encode({ blocks: 4096 }), dataOut: Buffer.alloc(4096 * 512, 1) }],
  ['WRITE AND VERIFY', { cdb: WRITE_AND_VERIFY_16.encode({ blocks: 1 }), dataOut: block }],
  ['WRITE SAME', { cdb: WRITE_SAME_16.encode({ blocks: 8 }), dataOut: block }],
  [
    'COMPARE AND WRITE',
    { cdb: COMPARE_AND_WRITE.encode({ blocks: 1 }), dataOut: Buffer.concat([Buffer.alloc(512), block]) },
  ],
]

describe('a store that fails', () => {
  test.each<[StoreFailure, Sense]>([
    ['no space', SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT],
    ['read-only', SENSE.WRITE_PROTECTED],
  ])('%s: writes tell, reads go on', async (failure, sense) => {
    const store = new FailingStore()
    const disk = await (await handBuilt([store])).disk()
    store.failure = failure
    for (const [name, command] of WRITES) {
      const result = await disk.session.execute({ lun: 0, ...command })
      expect({ name, sense: result.sense?.sense }).toEqual({ name, sense })
    }
    expectGood(await disk.run(READ_16, { blocks: 1 }, { dataInLength: 512 }))
    store.failure = undefined
    await disk.write(0, block)
  })

  test('I/O error: medium error, of writes and of reads, without data', async () => {
    const store = new FailingStore()
    const disk = await (await handBuilt([store])).disk()
    store.failure = 'I/O error'
    for (const [name, command] of WRITES) {
      const result = await disk.session.execute({ lun: 0, ...command })
      expect({ name, key: result.sense?.sense.key }).toEqual({ name, key: 3 })
    }
    const read = await disk.run(READ_16, { blocks: 1 }, { dataInLength: 512 })
    expect(read.sense?.sense).toEqual(SENSE.UNRECOVERED_READ_ERROR)
    expect(read.data.length).toBe(0)
    for (const result of [
      await disk.run(SYNCHRONIZE_CACHE_10, {}),
      await disk.run(VERIFY_16, { blocks: 1 }),
      await disk.run(UNMAP, { parameterListLength: 24 }, { dataOut: encodeUnmapList([{ lba: 0n, blocks: 1 }]) }),
    ])
      expect(result.sense?.sense.key).toBe(3)
    store.failure = undefined
    expectGood(await disk.run(TEST_UNIT_READY, {}))
  })

  test('an error that nobody foresaw: HARDWARE ERROR, INTERNAL TARGET FAILURE, and the connection stays up', async () => {
    const store = new FailingStore()
    const disk = await (await handBuilt([store])).disk()
    store.failure = new TypeError('a mistake in the array')
    for (const [name, command] of [
      ...WRITES,
      ['READ', { cdb: READ_16.encode({ blocks: 1 }), dataInLength: 512 }] as const,
    ]) {
      const result = await disk.session.execute({ lun: 0, ...command })
      expect({ name, sense: result.sense?.sense }).toEqual({ name, sense: SENSE.INTERNAL_TARGET_FAILURE })
    }
    store.failure = undefined
    expectGood(await disk.run(TEST_UNIT_READY, {}))
  })

  test('EXTENDED COPY whose destination fails: COPY ABORTED, THIRD PARTY DEVICE FAILURE', async () => {
    const [good, bad] = [new HeldStore(), new FailingStore()]
    const built = await handBuilt([good, bad])
    const [a, b] = [await built.disk(0), await built.disk(1)]
    await a.write(0, block)
    const list = copyList([cscd(await naaOf(a)), cscd(await naaOf(b))], [segment(0, 0, 1, { destination: 1 })])
    bad.failure = 'I/O error'
    const result = await sendCopy(a, list)
    expect(result.sense?.sense).toEqual(SENSE.THIRD_PARTY_DEVICE_FAILURE)
    expect(result.sense?.information).toBe(1n)
    bad.failure = undefined
    expectGood(await sendCopy(a, list))
  })
})

describe('task attributes (SAM-5 8.6)', () => {
  const { SIMPLE, ORDERED, HEAD_OF_QUEUE } = TASK_ATTRIBUTE

  /** Reads that wait; the order in which they began is the order of their waiting. */
  async function begun(attributes: readonly number[]) {
    const store = new HeldStore()
    const disk = await (await handBuilt([store])).disk()
    store.hold()
    const ended: number[] = []
    const tasks = attributes.map((attribute, index) =>
      disk.run(WRITE_10, { lba: index, blocks: 1 }, { dataOut: block, attributes: attribute }).then((result) => {
        expectGood(result)
        ended.push(index)
      }),
    )
    await disk.session.nop()
    return { store, ended, done: Promise.all(tasks) }
  }

  test.each<[string, readonly number[], number]>([
    ['SIMPLE tasks run together', [SIMPLE, SIMPLE, SIMPLE], 3],
    ['ORDERED waits for those before it', [SIMPLE, SIMPLE, ORDERED], 2],
    ['SIMPLE waits for an ORDERED before it', [ORDERED, SIMPLE, SIMPLE], 1],
    ['HEAD OF QUEUE waits for nothing', [ORDERED, ORDERED, HEAD_OF_QUEUE], 2],
    ['untagged counts as SIMPLE', [SIMPLE, TASK_ATTRIBUTE.UNTAGGED, SIMPLE], 3],
  ])('%s', async (_, attributes, waiting) => {
    const { store, done } = await begun(attributes)
    await store.untilWaiting(waiting)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(store.waiting).toBe(waiting)
    store.release()
    await done
  })

  test('a long row of ORDERED tasks ends in its order', async () => {
    const { store, ended, done } = await begun(Array(20).fill(ORDERED))
    store.release()
    await done
    expect(ended).toEqual([...Array(20).keys()])
  })

  test('a task that is aborted while it waits for its turn does not hold up those behind it', async () => {
    const store = new HeldStore()
    const disk = await (await handBuilt([store])).disk()
    store.hold()
    const task = (lba: number, attributes: number) =>
      disk.session.submit({ lun: 0, cdb: WRITE_10.encode({ lba, blocks: 1 }), dataOut: block, attributes })
    const [first, second, third] = [task(0, SIMPLE), task(1, ORDERED), task(2, SIMPLE)]
    await store.untilWaiting(1)
    expect(await disk.session.abortTask(second)).toBe(0)
    await expect(second.result).rejects.toThrow('aborted')
    store.release()
    expectGood(await first.result)
    expectGood(await third.result)
    expect(store.writes.map(({ offset }) => offset / 512)).toEqual([0, 2])
  })
})

describe('tasks that wait for their turn, aborted together', () => {
  /** A write that runs on a held medium, an ORDERED one behind it, and SIMPLE ones behind that. */
  async function row() {
    const store = new HeldStore(SIZE, 512)
    const built = await handBuilt([store])
    const disk = await built.disk()
    store.hold()
    const { SIMPLE, ORDERED } = TASK_ATTRIBUTE
    const tasks = [SIMPLE, ORDERED, SIMPLE, ORDERED, SIMPLE].map((attributes, lba) =>
      disk.session.submit({ lun: 0, cdb: WRITE_10.encode({ lba, blocks: 1 }), dataOut: block, attributes }),
    )
    const settled = Promise.allSettled(tasks.map(({ result }) => result))
    await disk.session.nop()
    await store.untilWaiting(1)
    return { store, built, disk, settled }
  }

  test.each([
    ['LOGICAL UNIT RESET', TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET],
    ['ABORT TASK SET', TASK_MANAGEMENT_FUNCTION.ABORT_TASK_SET],
  ])('%s: none of them begins because one before it was aborted', async (_, code) => {
    const { store, disk, settled } = await row()
    const managed = disk.session.manage(code, { lun: 0 })
    await disk.session.nop()
    store.release()
    expect(await managed).toBe(0)
    expect((await settled).map(({ status }) => status)).toEqual(Array(5).fill('rejected'))
    expect(store.writes.filter(({ offset }) => offset > 0)).toEqual([])
  })

  test('a lost connection: the same, and no buffer stays lent', async () => {
    const { store, built, disk, settled } = await row()
    disk.session.destroy()
    for (let tries = 0; built.target.sessions.size > 0 && tries < 200; tries++)
      await new Promise((resolve) => setTimeout(resolve, 5))
    store.release()
    await settled
    await new Promise((resolve) => setTimeout(resolve, 40))
    expect(store.writes.filter(({ offset }) => offset > 0)).toEqual([])
    expect(built.host.pool.used).toBe(0)
  })
})

describe('RESERVE and COMPARE AND WRITE exclude each other (VMware)', () => {
  test('a RESERVE waits for a COMPARE AND WRITE that runs; one that comes after is in conflict', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const [a, b] = [await built.disk(), await built.disk()]
    store.hold()
    const swap = a.run(COMPARE_AND_WRITE, { blocks: 1 }, { dataOut: Buffer.concat([Buffer.alloc(512), block]) })
    await store.untilWaiting(1)
    let reserved = false
    const reserving = b.run(RESERVE_6, {}).then((result) => {
      reserved = true
      return result
    })
    await b.session.nop()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(reserved).toBe(false)
    const late = await a.run(COMPARE_AND_WRITE, { blocks: 1 }, { dataOut: Buffer.concat([block, block]) })
    expect(late.status).toBe(STATUS.RESERVATION_CONFLICT)
    store.release()
    expectGood(await swap)
    expectGood(await reserving)
    expectGood(await b.run(RELEASE_6, {}))
    await drainUnitAttentions(a)
  })
})
