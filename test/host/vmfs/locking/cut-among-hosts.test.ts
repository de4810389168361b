// Hosts that are cut off at one of the commands with which they change a volume, while another one works beside them and outlives them:
// what was told as done is there, and check finds nothing wrong.

import { expect, test } from 'vitest'
import { lookup } from '../../../../src/host/vmfs/path-lookup.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import { openForWriting, type WritableVolume } from '../../../../src/host/vmfs/writable-volume.ts'
import { interposed } from './interposed.ts'
import { bytes, FAST, type SharedVolume, sharedVolume } from './shared-volume.ts'

/** The commands after which hosts are cut off: one host for each. */
const CUTS = [1, 4, 7, 10, 14, 19, 25, 32]
const ROUNDS = 2

/** A host whose connection is gone after so many commands that change the volume. */
async function hostUntil(shared: SharedVolume, commands: number): Promise<WritableVolume> {
  const { device, session } = await shared.device()
  let left = Number.POSITIVE_INFINITY
  const counted = async (operate: () => Promise<void>): Promise<void> => {
    if (--left < 0) {
      session.destroy()
      throw new Error('cut off')
    }
    await operate()
  }
  const own = interposed(device, {
    write: (...args) => counted(() => device.write(...args)),
    writeNow: (...args) => counted(() => device.writeNow(...args)),
    compareAndWrite: (...args) => counted(() => device.compareAndWrite(...args)),
    flush: () => counted(() => device.flush()),
  })
  const volume = await openForWriting([own], { locking: FAST })
  left = commands
  return volume
}

/** What hosts were told. */
class Told {
  /** By path: a file's content, or nothing where none is to be. */
  readonly done = new Map<string, string | undefined>()
  /** Of an operation that was not answered. */
  readonly open = new Set<string>()

  async step(after: Readonly<Record<string, string | undefined>>, operation: Promise<unknown>): Promise<void> {
    for (const path of Object.keys(after)) this.open.add(path)
    await operation
    for (const [path, content] of Object.entries(after)) {
      this.open.delete(path)
      this.done.set(path, content)
    }
  }
}

async function work(volume: WritableVolume, name: string, told: Told): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const [first, second, directory] = ['a', 'b', 'd'].map((kind) => `/dir/${name}-${kind}${round}`) as [
      string,
      string,
      string,
    ]
    const text = `${name} ${round} `.repeat(200 + round * 900)
    await told.step({ [first]: text }, volume.putFile(first, bytes(text)))
    await told.step({}, volume.makeDirectory(directory))
    await told.step({ [first]: undefined, [second]: text }, volume.rename(first, second))
    await told.step({ [second]: text + text }, volume.putFile(second, bytes(text + text)))
    if (round > 0) await told.step({ [second]: undefined }, volume.removeFile(second))
    await told.step({}, volume.removeDirectory(directory))
  }
}

test.each([5, 6] as const)(
  'VMFS%i: hosts that are cut off lose nothing that was told as done',
  async (version) => {
    const shared = await sharedVolume(version)
    const { volume: peer } = await shared.host()
    await peer.makeDirectory('/dir')
    const told = new Told()
    const victims = await Promise.all(CUTS.map((commands) => hostUntil(shared, commands)))
    const cutOff = victims.map(async (volume, index) => {
      await expect(work(volume, `victim${index}`, told)).rejects.toThrow()
      await volume.close().catch(() => {})
    })
    for (let turn = 0; turn < 2; turn++) await work(peer, `peer${turn}`, told)
    await Promise.all(cutOff)
    await peer.close()
    const heir = await openForWriting([(await shared.device()).device], { locking: FAST, recover: true })
    await heir.close()
    const volume = await openVolume([(await shared.device()).device])
    for (const [path, content] of told.done) {
      if (told.open.has(path)) continue
      const found = await lookup(volume, path).catch(() => undefined)
      const held = found && (await volume.openFile(found.file).read(0, found.file.meta.length)).toString()
      expect(held, path).toBe(content)
    }
    await volume.close()
    expect(await shared.findings()).toEqual([])
    expect(await shared.heartbeats()).toEqual([])
  },
  120_000,
)
