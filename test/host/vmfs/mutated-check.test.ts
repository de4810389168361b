// The checker and its repairs on volumes with damage in their metadata: what they cannot deal with they refuse by name, they come
// to an end, and neither reads nor writes outside the device.

import { describe, expect, test } from 'vitest'
import { checkVolume } from '../../../src/host/vmfs/check/check.ts'
import { repairVolume } from '../../../src/host/vmfs/check/repair.ts'
import { VmfsError } from '../../../src/host/vmfs/errors.ts'
import { openVolume } from '../../../src/host/vmfs/volume.ts'
import type { MemoryDevice } from './memory-device.ts'
import { metadataOf, mutate, type Range } from './mutations.ts'
import { change, from, MIB, newVolume, pattern } from './writing-volumes.ts'

const CHECKED = 60
const REPAIRED = 20

async function base(version: 5 | 6): Promise<{ device: MemoryDevice; metadata: Range[] }> {
  const device = await newVolume(version)
  await change(device, async (volume) => {
    await volume.makeDirectory('/a')
    await volume.makeDirectory('/a/b')
    for (const [index, length] of [0, 5, 5000, MIB + 5].entries())
      await volume.putFile(`/a/b/${length}`, from(pattern(length, index)))
    await volume.putFile('/sparse', from(pattern(5, 9)))
    await volume.truncate('/sparse', 400 * MIB)
    await volume.makeLink('a/b/5', '/link')
    await volume.removeFile('/a/b/5000')
  })
  return { device, metadata: await metadataOf(await openVolume([device])) }
}

/** What it comes to, or the name under which it is refused. */
async function attempt<Result>(seed: number, work: () => Promise<Result>): Promise<Result | VmfsError> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof VmfsError) return error
    throw new Error(`seed ${seed}: ${error}`, { cause: error })
  }
}

const check = async (device: MemoryDevice) => await checkVolume(await openVolume([device]))

describe.each([5, 6] as const)('VMFS%i', (version) => {
  test('the base is intact', async () => {
    const { device } = await base(version)
    expect((await check(device)).findings).toEqual([])
  })

  test(`${CHECKED} mutations are checked, and nothing is written`, { timeout: 300_000 }, async () => {
    const { device, metadata } = await base(version)
    let found = 0
    for (let seed = 0; seed < CHECKED; seed++) {
      const mutated = mutate(device, metadata, seed)
      const outcome = await attempt(seed, () => check(mutated))
      if (mutated.writes.length > 0) throw new Error(`seed ${seed}: the checker wrote`)
      if (outcome instanceof VmfsError || outcome.findings.length > 0) found++
    }
    expect(found).toBeGreaterThan(CHECKED / 3)
  })

  test(`${REPAIRED} mutations are repaired or refused, and what is said to be repaired is`, {
    timeout: 300_000,
  }, async () => {
    const { device, metadata } = await base(version)
    let clean = 0
    for (let seed = 0; seed < REPAIRED; seed++) {
      const mutated = mutate(device, metadata, seed)
      const repaired = await attempt(seed, () => repairVolume([mutated], { recover: true }))
      if (repaired instanceof VmfsError || repaired.report.findings.length > 0) continue
      const { findings } = await check(mutated.fork())
      if (findings.length > 0) throw new Error(`seed ${seed}: the repaired volume has ${findings[0]?.name}`)
      clean++
    }
    expect(clean).toBeGreaterThan(REPAIRED / 3)
  })
})
