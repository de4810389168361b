// Locks whose hosts have no heartbeat any more, as they are after a burial: whoever wants one takes it, so that they are no damage. What
// could not have come about in that way is.

import { beforeAll, expect, test } from 'vitest'
import { checkVolume } from '../../../../src/host/vmfs/check/check.ts'
import { repairVolume } from '../../../../src/host/vmfs/check/repair.ts'
import { HEARTBEAT, HEARTBEAT_OFFSET, HEARTBEAT_STATE } from '../../../../src/host/vmfs/structures/heartbeat.ts'
import { LOCK_MODE } from '../../../../src/host/vmfs/structures/lock.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import type { MemoryDevice } from '../memory-device.ts'
import { healthyVolume, Planted } from './planted-volume.ts'

const HOST = '5a0c1d2e-11223344-5566-005056010203'
const OTHER = '5a0c1d2f-55667788-99aa-005056040506'
const GENERATION = 7n

let healthy: MemoryDevice
beforeAll(async () => {
  healthy = await healthyVolume(5)
}, 60_000)

type Slot = readonly [state: 'free' | 'used', generation: bigint, owner?: string]

/** A volume with a slot, and a lock that says to be held by generation 7 of HOST there. */
async function held([state, generation, owner]: Slot, heartbeatOffset = HEARTBEAT_OFFSET) {
  const planted = await Planted.of(healthy)
  const fields = { state: HEARTBEAT_STATE[state], generation, ...(owner !== undefined && { owner }) }
  planted.edit(HEARTBEAT_OFFSET, HEARTBEAT.size, (image) => void HEARTBEAT.encode(fields, image))
  const file = await planted.file('/blocks')
  planted.setLock(file.offset, {
    mode: LOCK_MODE.exclusive,
    owner: HOST,
    heartbeatOffset,
    heartbeatGeneration: GENERATION,
  })
  return planted.device
}

test.each<[string, Slot]>([
  ['a slot that was cleared after a replay', ['free', GENERATION + 1n]],
  ['a slot that was given back', ['free', GENERATION]],
  ['a slot that another host has since', ['used', GENERATION + 2n, OTHER]],
  ['a slot that the same host has again', ['used', GENERATION + 2n, HOST]],
])('a lock by %s is a remark, and repair frees it', async (_, slot) => {
  const device = await held(slot)
  const { findings, locksOfTheDead } = await checkVolume(await openVolume([device.fork()]))
  expect([findings, locksOfTheDead]).toEqual([[], 1])
  const { report } = await repairVolume([device], { recover: true })
  expect([report.findings, report.locksOfTheDead]).toEqual([[], 0])
})

test.each<[string, RegExp, Slot, number?]>([
  ['a generation to come', /since its generation 7, and it is at 6/, ['used', GENERATION - 1n, HOST]],
  ['a generation to come of a free slot', /since its generation 7, and it is at 6/, ['free', GENERATION - 1n]],
  ['the generation of another host', /is of 5a0c1d2f/, ['used', GENERATION, OTHER]],
  ['what is no slot', /no heartbeat at byte/, ['free', GENERATION], HEARTBEAT_OFFSET + 17],
])('a lock by %s is a finding', async (_, message, slot, heartbeatOffset) => {
  const { findings, locksOfTheDead } = await checkVolume(await openVolume([await held(slot, heartbeatOffset)]))
  expect(findings.map(({ name }) => name)).toEqual(['lock owner'])
  expect(findings[0]?.message).toMatch(message)
  expect(locksOfTheDead).toBe(0)
})

test('a lock by a heartbeat that lives is none', async () => {
  const { findings, locksOfTheDead } = await checkVolume(await openVolume([await held(['used', GENERATION, HOST])]))
  expect([findings, locksOfTheDead]).toEqual([[], 0])
})
