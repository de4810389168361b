// A change that is done, and whose locks cannot be given back: the array does not answer just then.

import { expect, test } from 'vitest'
import { openForWriting } from '../../../../src/host/vmfs/writable-volume.ts'
import { interposed } from './interposed.ts'
import { FAST, type SharedVolume, sharedVolume } from './shared-volume.ts'

const MIB = 1024 * 1024

async function* zeros(mib: number): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < mib; done++) yield Buffer.alloc(MIB, 'x')
}

/** A host whose unlocks the array does not answer once a record of its journal was retired, each lock's once; then all is well. */
async function hostThatIsCutOff(shared: SharedVolume) {
  const { device } = await shared.device()
  const state = { records: 0, onRecord: (_records: number) => {}, isCut: false, refused: new Map<number, number>() }
  const at = { journal: -1, slot: -1 }
  const refuse = (offset: number, isRead: boolean) => {
    if (!state.isCut || offset === at.slot) return
    state.refused.set(offset, (state.refused.get(offset) ?? 0) + Number(isRead))
    // What fails once is read again.
    state.isCut = [...state.refused.values()].some((reads) => reads < 2)
    throw new Error('the array does not answer')
  }
  const own = interposed(device, {
    async write(offset, data) {
      await device.write(offset, data)
      if (offset === at.journal) state.onRecord(++state.records)
    },
    async compareAndWrite(offset, ...args) {
      refuse(offset, false)
      await device.compareAndWrite(offset, ...args)
    },
    async readNow(offset, ...args) {
      refuse(offset, true)
      return await device.readNow(offset, ...args)
    },
  })
  const volume = await openForWriting([own], { locking: FAST })
  const { journalOffset, slotOffset } = (await shared.heartbeats()).find(({ owner }) => owner === volume.host)!
  at.journal = volume.volume.logical.place(journalOffset).offset
  at.slot = volume.volume.logical.place(slotOffset).offset
  return { volume, state }
}

test('what an operation has committed is not taken back, and its locks are given back later', async () => {
  const shared = await sharedVolume(5)
  const holder = await shared.host()
  const { volume, state } = await hostThatIsCutOff(shared)
  const { fdc } = volume.volume.files
  let put: Promise<unknown> = Promise.resolve()
  await holder.volume.exclusively(async (writing) => {
    const tx = writing.begin()
    for (let cluster = 0; cluster < fdc.places.clusters; cluster++) await tx.lock(await fdc.headerOffset(cluster))
    // More than is kept to be handed out again: it cannot be begun again, and commits the blocks that it has taken.
    put = volume.putFile('new', zeros(66))
    await new Promise<void>((resolve) => {
      state.onRecord = (records) => records === 2 && resolve()
    })
    state.onRecord = (records) => {
      state.isCut = records === 4
    }
    await tx.abandon()
  })
  await put
  expect(state.refused.size).toBeGreaterThan(1)
  // A lock that is not given back would be waited for in vain.
  await holder.volume.putFile('other', zeros(1))
  expect(await shared.names()).toEqual(['new', 'other'])
  await volume.close()
  await holder.volume.close()
  expect(await shared.findings()).toEqual([])
  expect(await shared.heartbeats()).toEqual([])
}, 60_000)
