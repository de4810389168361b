// What stands in the lock of a file that is held open (vmfs-format.md, 5), read from the medium byte by byte.

import { expect, test } from 'vitest'
import { readHeartbeats } from '../../../../src/host/vmfs/heartbeats.ts'
import { lookup } from '../../../../src/host/vmfs/path-lookup.ts'
import { encodeUuid } from '../../../../src/host/vmfs/structures/uuid.ts'
import { openVolume, type Volume } from '../../../../src/host/vmfs/volume.ts'
import { bytes, type Host, type SharedVolume, sharedVolume } from './shared-volume.ts'

const TIMEOUT_MS = 60_000
const FREE = 0
const NOBODY = Buffer.alloc(16)

async function opened(version: 5 | 6) {
  const shared = await sharedVolume(version)
  const [one, other] = (await Promise.all([shared.host(), shared.host()])) as [Host, Host]
  await one.volume.putFile('/file', bytes('content'))
  return { shared, one, other, look: await eyes(shared) }
}

/** Reads the lock of /file, and the slots of hosts, past all that hosts know. */
async function eyes(shared: SharedVolume) {
  const { device } = await shared.device()
  const volume = await openVolume([device])
  volume.cache.keepNothing(volume.version.sectorBytes)
  const { file } = await lookup(volume, '/file')
  return async () => ({
    ...lockIn(await volume.logical.read(file.offset, volume.version.sectorBytes)),
    ...{ at: BigInt(file.offset), slots: await slotsOf(volume) },
  })
}

const lockIn = (sector: Buffer) => ({
  type: sector.readUInt32LE(0x00),
  offset: sector.readBigUInt64LE(0x04),
  last: { slot: sector.readBigUInt64LE(0x0c), generation: sector.readBigUInt64LE(0x14) },
  token: sector.readBigUInt64LE(0x1c),
  mode: sector.readUInt32LE(0x24),
  owner: sector.subarray(0x28, 0x38),
  holderCount: sector.readUInt32LE(0x40),
  holders: Array.from({ length: 8 }, (_, index) => holderIn(sector.subarray(0x44 + 32 * index, 0x64 + 32 * index))),
})

const holderIn = (raw: Buffer) => ({
  ...{ slot: raw.readBigUInt64LE(0), generation: raw.readBigUInt64LE(8), host: raw.subarray(16, 32) },
})

const EMPTY = { slot: 0n, generation: 0n, host: NOBODY }

/** Each host as a lock names it. */
async function slotsOf({ logical, version }: Volume) {
  const used = await readHeartbeats(logical, version)
  return new Map(
    used.map(({ owner, slotOffset: slot, generation }) => [
      owner,
      { slot: BigInt(slot), generation, host: encodeUuid(owner) },
    ]),
  )
}

test.each([5, 6] as const)(
  'VMFS%i, exclusive: mode 1, the owner, its slot and generation; one more in the token; nothing of it stays but the last holder',
  async (version) => {
    const { shared, one, other, look } = await opened(version)
    const before = await look()
    expect(before).toMatchObject({ type: 0x10c00001, offset: before.at, mode: FREE, owner: NOBODY, holderCount: 0 })
    const file = await one.volume.openFile('/file', 'exclusive')
    const held = await look()
    const { slot, generation, host } = held.slots.get(one.volume.host)!
    expect(held).toMatchObject({ mode: 1, owner: host, last: { slot, generation }, token: before.token + 1n })
    expect(held).toMatchObject({ type: 0x10c00001, offset: before.at, holderCount: 0 })
    await file.write(0, Buffer.from('CONTENT'))
    await one.volume.truncate('/file', 3)
    expect(await look()).toEqual(held)
    expect(await shared.findings()).toEqual([])
    await file.close()
    expect(await look()).toEqual({ ...held, mode: FREE, owner: NOBODY })
    for (const { volume } of [one, other]) await volume.close()
    expect(await shared.findings()).toEqual([])
  },
  TIMEOUT_MS,
)

test.each([
  [5, 'readOnly', 2],
  [5, 'multiWriter', 3],
  [6, 'readOnly', 2],
  [6, 'multiWriter', 3],
] as const)(
  'VMFS%i, %s: mode %i, no owner, and who holds it in the list of holders',
  async (version, mode, number) => {
    const { shared, one, other, look } = await opened(version)
    const before = await look()
    const files = [await one.volume.openFile('/file', mode), await one.volume.openFile('/file', mode)]
    const alone = await look()
    const [first, second] = [one, other].map(({ volume }) => alone.slots.get(volume.host)!)
    expect(alone).toMatchObject({ mode: number, owner: NOBODY, holderCount: 1, token: before.token + 1n })
    expect(alone.holders).toEqual([first, ...Array(7).fill(EMPTY)])
    const theirs = await other.volume.openFile('/file', mode)
    const both = await look()
    expect(both).toMatchObject({ mode: number, owner: NOBODY, holderCount: 2, token: before.token + 2n })
    expect(both.holders).toEqual([first, second, ...Array(6).fill(EMPTY)])
    expect(await shared.findings()).toEqual([])
    for (const file of files) await file.close()
    const left = await look()
    expect(left).toMatchObject({ mode: number, holderCount: 1 })
    expect(left.holders).toEqual([second, ...Array(7).fill(EMPTY)])
    await theirs.close()
    expect(await look()).toMatchObject({ mode: FREE, owner: NOBODY, holderCount: 0, holders: Array(8).fill(EMPTY) })
    for (const { volume } of [one, other]) await volume.close()
    expect(await shared.findings()).toEqual([])
  },
  TIMEOUT_MS,
)
