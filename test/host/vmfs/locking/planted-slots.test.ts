// Slots that hold what no host of ours has written there: they keep nobody from using the volume, and a journal that cannot be
// replayed is told.

import { expect, onTestFinished, test } from 'vitest'
import { readSlots } from '../../../../src/host/vmfs/heartbeats.ts'
import { HEARTBEAT, HEARTBEAT_STATE, LOCK_IMPLEMENTATION } from '../../../../src/host/vmfs/structures/heartbeat.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import { openForWriting } from '../../../../src/host/vmfs/writable-volume.ts'
import { bytes, FAST, type SharedVolume, sharedVolume } from './shared-volume.ts'

const STRANGERS = ['5fa00001-11111111-2222-020000000001', '5fa00002-11111111-2222-020000000001'] as const
const NOWHERE = 2 ** 50

/** A slot of a host that does not beat. */
async function plant(shared: SharedVolume, values: Parameters<typeof HEARTBEAT.encode>[0]): Promise<void> {
  const { device } = await shared.device()
  const { logical, version } = await openVolume([device])
  const { slotOffset, image } = (await readSlots(logical, version)).at(-1)!
  const slot = { state: HEARTBEAT_STATE.used, offset: slotOffset, owner: STRANGERS[0], generation: 7n }
  const locksBy = { lockImplementation: LOCK_IMPLEMENTATION.ats }
  const sector = Buffer.from(image.subarray(0, device.blockBytes))
  await logical.write(slotOffset, HEARTBEAT.encode({ ...slot, ...locksBy, ...values }, sector))
  await device.close()
}

test('one whose replaying host has a slot nowhere in the volume is buried', async () => {
  const shared = await sharedVolume(5)
  const rejections: unknown[] = []
  const listen = (error: unknown) => rejections.push(error)
  process.on('unhandledRejection', listen)
  onTestFinished(() => void process.off('unhandledRejection', listen))
  await plant(shared, { replayHost: STRANGERS[1], replayHeartbeat: NOWHERE, replayGeneration: 1n })
  const { device } = await shared.device()
  const volume = await openForWriting([device], { locking: FAST, recover: true })
  expect(volume.recovered).toEqual([STRANGERS[0]])
  await volume.putFile('a', bytes('a'))
  await volume.close()
  expect(await shared.heartbeats()).toEqual([])
  expect(rejections).toEqual([])
}, 30_000)

test('one whose journal cannot be replayed is told, and not waited for', async () => {
  const shared = await sharedVolume(5)
  await plant(shared, { journalOffset: NOWHERE, journalAddress: 1 })
  const { device } = await shared.device()
  await expect(openForWriting([device], { locking: FAST, recover: true })).rejects.toMatchObject({
    ...{ problem: 'damaged', message: expect.stringContaining(`the journal of host ${STRANGERS[0]}`) },
  })
  expect((await shared.heartbeats()).map(({ owner }) => owner)).toEqual([STRANGERS[0]])
}, 30_000)
