// Files that hosts hold open on a volume that they share: what goes together, and what operations of others and of the host itself
// may do meanwhile.

import { describe, expect, test } from 'vitest'
import { delay, systemClock } from '../../../../src/host/clock.ts'
import { readHeartbeats } from '../../../../src/host/vmfs/heartbeats.ts'
import type { OpenMode } from '../../../../src/host/vmfs/open-file.ts'
import { HEARTBEAT } from '../../../../src/host/vmfs/structures/heartbeat.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import { block, end, hosts } from './open-files.ts'
import { bytes, type Host, sharedVolume } from './shared-volume.ts'

const TIMEOUT_MS = 120_000
const MODES: readonly OpenMode[] = ['exclusive', 'readOnly', 'multiWriter']
const HOW = { exclusive: 'exclusively', readOnly: 'to read it', multiWriter: 'for several writers' }
const MIB = 1024 * 1024

const refusal = (path: string, by: Host, mode: OpenMode) =>
  expect.objectContaining({
    problem: 'in use',
    message: `"${path}" is in use: host ${by.volume.host} (127.0.0.1) holds its lock ${HOW[mode]}; try again when it is closed there`,
  })

describe.each([5, 6] as const)('VMFS%i', (version) => {
  test(
    'modes that go together: of readers, and of writers of one file; whichever host opens it',
    async () => {
      const shared = await sharedVolume(version)
      const [one, other] = (await hosts(shared, 2)) as [Host, Host]
      for (const first of MODES)
        for (const second of MODES) {
          const path = `/${first}-${second}`
          await one.volume.putFile(path, bytes('content'))
          const held = await one.volume.openFile(path, first)
          if (first === second && first !== 'exclusive') {
            const also = await Promise.all([one.volume.openFile(path, second), other.volume.openFile(path, second)])
            for (const file of also) expect((await file.read(0, 100)).toString()).toBe('content')
            for (const file of also) await file.close()
          } else {
            await expect(one.volume.openFile(path, second)).rejects.toMatchObject({
              problem: 'in use',
              message: `"${path}" is in use: this host has it open ${HOW[first]}; close it first`,
            })
            await expect(other.volume.openFile(path, second)).rejects.toEqual(refusal(path, one, first))
          }
          expect((await held.read(2, 3)).toString()).toBe('nte')
          await held.close()
          await (await other.volume.openFile(path, 'exclusive')).close()
        }
      await end(shared, [one, other])
    },
    TIMEOUT_MS,
  )

  test.each(MODES)(
    '%s: operations of another host on the file are refused, naming who has it open; then they are done',
    async (mode) => {
      const shared = await sharedVolume(version)
      const [one, other] = (await hosts(shared, 2)) as [Host, Host]
      await one.volume.putFile('/file', bytes('content'))
      await one.volume.putFile('/source', bytes('source'))
      const reference = await other.volume.reference('/file')
      const held = await one.volume.openFile('/file', mode)
      const operations = [
        () => other.volume.truncate('/file', 3),
        () => other.volume.putFile('/file', bytes('put')),
        () => other.volume.rename('/file', '/moved'),
        () => other.volume.rename('/source', '/moved'),
        () => other.volume.removeFile('/moved'),
      ]
      await expect(other.volume.writeAt(reference, 0, Buffer.from('x'))).rejects.toMatchObject({ problem: 'in use' })
      for (const operate of [...operations.slice(0, 3), () => other.volume.removeFile('/file')])
        await expect(operate()).rejects.toEqual(refusal('/file', one, mode))
      await expect(other.volume.rename('/source', '/file')).rejects.toEqual(refusal('/file', one, mode))
      // What is beside it is nobody's.
      await other.volume.putFile('/beside', bytes('beside'))
      expect((await held.read(0, 100)).toString()).toBe('content')
      await held.close()
      for (const operate of operations) await operate()
      expect(await shared.names()).toEqual(['beside'])
      await end(shared, [one, other])
    },
    TIMEOUT_MS,
  )
})

test.each([
  ['as it is', '192.0.2.7', ' (192.0.2.7)'],
  ['left out where there is none', '', ''],
  ['left out where it is none', '\u001b[2J', ''],
])(
  'the holder is named with the address of its slot, %s, and how many hosts hold the lock with it',
  async (_, ip, named) => {
    const shared = await sharedVolume(5)
    const [one, other, third] = (await hosts(shared, 3, { beatMs: 30_000, lostMs: 64_000 })) as [Host, Host, Host]
    await one.volume.putFile('/file', bytes('content'))
    for (const reader of [one, other]) await reader.volume.openFile('/file', 'readOnly')
    const { device } = await shared.device()
    const { logical, version } = await openVolume([device])
    const removed = third.volume.removeFile('/file')
    removed.catch(() => {})
    // Nobody beats so soon: the slots change here.
    for (let stampUs = 1n, isOver = false; !isOver; stampUs++) {
      for (const { slotOffset } of await readHeartbeats(logical, version)) {
        const image = await logical.read(slotOffset, version.heartbeats.slotBytes)
        await logical.write(slotOffset, HEARTBEAT.encode({ ip, stampUs }, image))
      }
      isOver = await Promise.race([removed.then(Boolean, () => true), delay(systemClock, 20).then(() => false)])
    }
    const { message } = (await removed.catch((error) => error)) as Error
    expect(message.replace(/[0-9a-f-]{35}/, 'UUID')).toContain(
      `"/file" is in use: host UUID${named} holds its lock to read it, as 1 other host does; `,
    )
    await end(shared, [one, other, third])
  },
  TIMEOUT_MS,
)

describe('the host that has it open', () => {
  test(
    'exclusive: it writes, the file grows, and its operations are done under the lock; but the file does not go',
    async () => {
      const shared = await sharedVolume(6)
      const host = await shared.host()
      await host.volume.putFile('/file', bytes('content'))
      await host.volume.putFile('/other', bytes('other'))
      const file = await host.volume.openFile('/file', 'exclusive')
      await file.write(7, Buffer.from(' and more'))
      expect((await file.read(0, 100)).toString()).toBe('content and more')
      await file.write(3 * MIB, block('z'))
      expect(await file.read(3 * MIB, 1024)).toEqual(block('z'))
      await host.volume.truncate('/file', 3)
      await host.volume.writeAt(file.reference, 3, Buffer.from('!'))
      expect((await file.read(0, 100)).toString()).toBe('con!')
      await host.volume.putFile('/file', bytes('put'))
      expect((await file.read(0, 100)).toString()).toBe('put')
      await host.volume.rename('/file', '/moved')
      const inUse = {
        problem: 'in use',
        message: '"/moved" is in use: this host has it open exclusively; close it first',
      }
      await expect(host.volume.removeFile('/moved')).rejects.toMatchObject(inUse)
      await expect(host.volume.rename('/other', '/moved')).rejects.toMatchObject(inUse)
      expect((await file.read(0, 100)).toString()).toBe('put')
      await file.close()
      await host.volume.rename('/other', '/moved')
      await host.volume.removeFile('/moved')
      await end(shared, [host])
    },
    TIMEOUT_MS,
  )

  test.each(['readOnly', 'multiWriter'] as const)(
    '%s: its own operations leave the file as others may have it open too',
    async (mode) => {
      const shared = await sharedVolume(5)
      const host = await shared.host()
      await host.volume.putFile('/file', bytes('content'))
      const file = await host.volume.openFile('/file', mode)
      const operations = [
        () => host.volume.truncate('/file', 3),
        () => host.volume.putFile('/file', bytes('put')),
        () => host.volume.writeAt(file.reference, 0, Buffer.from('x')),
        () => host.volume.rename('/file', '/moved'),
        () => host.volume.removeFile('/file'),
      ]
      for (const operate of operations)
        await expect(operate()).rejects.toMatchObject({
          problem: 'in use',
          message: expect.stringContaining(`is in use: this host has it open ${HOW[mode]}; `),
        })
      expect((await file.read(0, 100)).toString()).toBe('content')
      await end(shared, [host])
    },
    TIMEOUT_MS,
  )

  test(
    'it is open as often as it was opened; a file that is closed is neither read nor written, and closing it again is nothing',
    async () => {
      const shared = await sharedVolume(5)
      const [one, other] = (await hosts(shared, 2)) as [Host, Host]
      await one.volume.putFile('/file', bytes('content'))
      const twice = [await one.volume.openFile('/file', 'readOnly'), await one.volume.openFile('/file', 'readOnly')]
      await twice[0]!.close()
      await twice[0]!.close()
      await expect(other.volume.removeFile('/file')).rejects.toEqual(refusal('/file', one, 'readOnly'))
      await expect(twice[0]!.read(0, 1)).rejects.toThrow('the file has been closed')
      await twice[1]!.close()
      await other.volume.removeFile('/file')
      await end(shared, [one, other])
      await twice[1]!.close()
      await expect(twice[1]!.read(0, 1)).rejects.toThrow('closed')
    },
    TIMEOUT_MS,
  )

  test(
    'the end of the volume closes its files: their locks are free',
    async () => {
      const shared = await sharedVolume(5)
      const [one, other] = (await hosts(shared, 2)) as [Host, Host]
      await one.volume.putFile('/a', bytes('a'))
      await one.volume.putFile('/b', bytes('b'))
      const files = [await one.volume.openFile('/a', 'exclusive'), await one.volume.openFile('/b', 'readOnly')]
      await one.volume.close()
      for (const file of files) await expect(file.read(0, 1)).rejects.toThrow('closed')
      for (const path of ['/a', '/b']) await other.volume.removeFile(path)
      await end(shared, [other])
    },
    TIMEOUT_MS,
  )
})

test.each([
  ['a directory', '/directory', 'is a directory'],
  ['a system file', '/.fdc.sf', 'read-only'],
  ['what is not there', '/nothing', 'no such file'],
])(
  'not opened: %s',
  async (_, path, problem) => {
    const shared = await sharedVolume(5)
    const host = await shared.host()
    await host.volume.makeDirectory('/directory')
    for (const mode of MODES) await expect(host.volume.openFile(path, mode)).rejects.toMatchObject({ problem })
    await end(shared, [host])
  },
  TIMEOUT_MS,
)

test(
  'who may only read is refused a write; and another open reads what was written in between',
  async () => {
    const shared = await sharedVolume(5)
    const [one, other] = (await hosts(shared, 2)) as [Host, Host]
    await one.volume.putFile('/file', bytes('before'))
    const reader = await one.volume.openFile('/file', 'readOnly')
    expect((await reader.read(0, 100)).toString()).toBe('before')
    await expect(reader.write(0, Buffer.from('x'))).rejects.toMatchObject({ problem: 'read-only' })
    await reader.close()
    const writer = await other.volume.openFile('/file', 'exclusive')
    await writer.write(0, Buffer.from('after it'))
    await writer.close()
    const again = await one.volume.openFile('/file', 'readOnly')
    expect((await again.read(0, 100)).toString()).toBe('after it')
    await end(shared, [one, other])
  },
  TIMEOUT_MS,
)

test(
  'locks of operations are waited for: hosts that open and close one file in turn all get it',
  async () => {
    const shared = await sharedVolume(5)
    const all = await hosts(shared, 3)
    await all[0]!.volume.putFile('/file', bytes(''))
    const append = async ({ volume }: Host, times: number) => {
      for (let time = 0; time < times; time++) {
        const file = await volume.openFile('/file', 'exclusive')
        const { length } = await file.read(0, 1000)
        await file.write(length, Buffer.from('x'))
        await file.close()
      }
    }
    await Promise.all(all.map((host) => append(host, 5)))
    const file = await all[0]!.volume.openFile('/file', 'readOnly')
    expect((await file.read(0, 1000)).toString()).toBe('x'.repeat(15))
    await end(shared, all)
  },
  TIMEOUT_MS,
)

test(
  'two hosts that want what the other has open are both told, and keep theirs',
  async () => {
    const shared = await sharedVolume(5)
    const [one, other] = (await hosts(shared, 2)) as [Host, Host]
    for (const path of ['/a', '/b']) await one.volume.putFile(path, bytes('content'))
    const files = [await one.volume.openFile('/a', 'exclusive'), await other.volume.openFile('/b', 'exclusive')]
    const ends = await Promise.allSettled([one.volume.removeFile('/b'), other.volume.removeFile('/a')])
    expect(ends.map((each) => each.status === 'rejected' && each.reason)).toEqual([
      refusal('/b', other, 'exclusive'),
      refusal('/a', one, 'exclusive'),
    ])
    for (const file of files) await file.write(0, Buffer.from('CON'))
    await end(shared, [one, other])
  },
  TIMEOUT_MS,
)
