// Hosts that are gone, over a real array: who opens the volume clears away what they have left, and disturbs nobody who lives.

import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { repairVolume } from '../../../../src/host/vmfs/check/repair.ts'
import { readHeartbeats, readSlots } from '../../../../src/host/vmfs/heartbeats.ts'
import { makeHostUuid } from '../../../../src/host/vmfs/host-identity.ts'
import { HEARTBEAT, HEARTBEAT_STATE } from '../../../../src/host/vmfs/structures/heartbeat.ts'
import { decodeUuid, encodeUuid } from '../../../../src/host/vmfs/structures/uuid.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import { openForWriting, type WritableVolume } from '../../../../src/host/vmfs/writable-volume.ts'
import { MIB } from '../../../target/array.ts'
import { bytes, FAST, type Host, type SharedVolume, sharedVolume } from './shared-volume.ts'

/** Nobody is dead before that. */
const NEVER = { lostMs: 3_600_000 }

async function owners(shared: SharedVolume): Promise<string[]> {
  const { device } = await shared.device()
  const volume = await openVolume([device])
  const heartbeats = await readHeartbeats(volume.logical, volume.version)
  await volume.close()
  return heartbeats.map(({ owner }) => owner)
}

const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20))
}

const isBuried = ({ events }: Host) => events.some(({ kind }) => kind === 'broken')

/** UUID of a process of this machine that has ended. */
function endedHost(): string {
  const raw = encodeUuid(makeHostUuid())
  raw.writeUInt32LE(spawnSync('true').pid, 4)
  return decodeUuid(raw)
}

async function kill(host: Host): Promise<void> {
  host.session.destroy()
  await host.volume.close().catch(() => {})
}

describe.each([5, 6] as const)('VMFS%i', (version) => {
  test('a host that was killed and holds no lock: who opens the volume next buries it, and sends no RESERVE', async () => {
    const shared = await sharedVolume(version)
    const victim = await shared.host()
    await victim.volume.putFile('/file', bytes('of the victim'))
    await kill(victim)
    const heir = await shared.host()
    expect(await owners(shared)).toHaveLength(2)
    await until(() => isBuried(heir))
    expect(await owners(shared)).toEqual([heir.volume.host])
    await heir.volume.close()
    expect(shared.commands()['RESERVE(6)']).toBeUndefined()
    expect(await shared.names()).toEqual(['file'])
    expect(await shared.findings()).toEqual([])
  }, 60_000)
})

test('neither the open nor the close waits for a host of which nothing is known', async () => {
  const shared = await sharedVolume(5)
  const victim = await shared.host()
  await kill(victim)
  const host = await shared.host(NEVER)
  await host.volume.putFile('/file', bytes('data'))
  await host.volume.close()
  expect(await owners(shared)).toEqual([victim.volume.host])
}, 30_000)

test('a process of this kernel that has ended is buried without the time of a lease', async () => {
  const shared = await sharedVolume(5)
  const ended = endedHost()
  const { device, session } = await shared.device()
  const victim = await openForWriting([device], { host: ended, locking: { ...FAST, ...NEVER } })
  session.destroy()
  await victim.close().catch(() => {})
  const heir = await shared.host(NEVER)
  await until(() => isBuried(heir))
  expect(await owners(shared)).toEqual([heir.volume.host])
  await heir.volume.close()
}, 30_000)

test('the journals have run out since hosts have died: the open waits for that of one of them', async () => {
  const shared = await sharedVolume(5)
  const hosts: Host[] = []
  const refused = async () =>
    await shared.host().then(
      (host) => void hosts.push(host),
      (error) => error,
    )
  let error: unknown
  while (error === undefined && hosts.length < 64) error = await refused()
  expect(error).toMatchObject({ problem: 'in use', message: expect.stringContaining('has journals for') })
  const victim = hosts.shift()!
  await kill(victim)
  const heir = await shared.host()
  expect(await owners(shared)).not.toContain(victim.volume.host)
  await Promise.all([heir, ...hosts].map(({ volume }) => volume.close()))
  expect(await shared.findings()).toEqual([])
}, 120_000)

describe('all heartbeat slots are in use', () => {
  async function full(shared: SharedVolume): Promise<WritableVolume['volume']> {
    const { device } = await shared.device()
    const volume = await openVolume([device])
    const { logical, version } = volume
    for (const { slotOffset, image } of await readSlots(logical, version)) {
      const fields = {
        state: HEARTBEAT_STATE.used,
        offset: slotOffset,
        owner: makeHostUuid(),
        generation: 1n,
        stampUs: 1n,
      }
      HEARTBEAT.encode(fields, image)
      await logical.write(slotOffset, image)
    }
    return volume
  }

  test('by hosts that are dead: one of them is buried first, with a word about the wait', async () => {
    const shared = await sharedVolume(6)
    await (await full(shared)).close()
    const host = await shared.host()
    expect(host.events.slice(0, 2).map(({ kind }) => kind)).toEqual(['waiting', 'broken'])
    expect(host.events[0]?.text).toMatch(
      /^all \d+ HB slots are in use: waiting up to 2 s for one that does not change$/,
    )
    await host.volume.putFile('/file', bytes('data'))
    await host.volume.close()
  }, 60_000)

  test('the disk fails at the slot: that is the cause that is told', async () => {
    let isDown = false
    const shared = await sharedVolume(5, {
      options: {
        injector: ({ command }) =>
          isDown && command === 'COMPARE AND WRITE' ? { refuse: { status: 0x40 } } : undefined,
      },
    })
    isDown = true
    await expect(shared.host({ mode: 'ATS-only' })).rejects.toThrow(
      /no heartbeat slot of the volume .* could be taken \(/,
    )
  }, 60_000)
})

describe('a repair that is told that all hosts are dead', () => {
  const repair = async (shared: SharedVolume) => {
    const { device } = await shared.device()
    return await repairVolume([device], { recover: true, locking: FAST })
  }

  test('one that beats is named, and keeps what it has', async () => {
    const shared = await sharedVolume(5)
    const [alive, victim] = [await shared.host(), await shared.host()]
    await kill(victim)
    const failure = await repair(shared).catch((error) => error)
    expect(failure).toMatchObject({ problem: 'in use' })
    expect(failure.message).toMatch(
      new RegExp(`^host ${alive.volume.host} (\\(127\\.0\\.0\\.1\\) )?has the volume open, and beats`),
    )
    expect(failure.message).not.toContain(victim.volume.host)
    expect(await owners(shared)).toHaveLength(2)
    await alive.volume.putFile('/file', bytes('data'))
    await alive.volume.close()
  }, 60_000)

  test('those that are silent are buried, and told', async () => {
    const shared = await sharedVolume(5)
    const victims = [await shared.host(), await shared.host()]
    for (const victim of victims) await kill(victim)
    const { recovered, report } = await repair(shared)
    expect([...recovered].sort()).toEqual(victims.map(({ volume }) => volume.host).sort())
    expect(report.findings).toEqual([])
    expect(await owners(shared)).toEqual([])
  }, 60_000)
})

const isInHeartbeats = (lba: number): boolean => lba >= (20 * MIB) / 512 && lba < (21 * MIB) / 512

test('a write that the array holds back, of a host that cannot beat any more: it is over before the host is buried', async () => {
  let writesLeft = Number.POSITIVE_INFINITY
  const shared = await sharedVolume(5, {
    options: {
      injector({ command, lba, initiatorName }) {
        if (!initiatorName.endsWith(':victim')) return undefined
        if (command.startsWith('WRITE')) writesLeft--
        // The journal has the change by then, and it is on its way to its place.
        const isHeld = writesLeft < 0 && (command.startsWith('WRITE') || isInHeartbeats(lba))
        // Longer than the lease, and in time to harm an heir.
        return isHeld ? { delayMs: 4000 } : undefined
      },
    },
  })
  const victim = await shared.host({}, 'iqn.2026-11.test:victim')
  await victim.volume.putFile('/file', bytes('before'))
  // The data, and the record of the journal; the third one is in place.
  writesLeft = 2
  const late = victim.volume.putFile('/file', bytes('too late')).catch((error) => error)
  await until(() => writesLeft < 0)
  const sinceMs = Date.now()
  const heir = await shared.host()
  await heir.volume.putFile('/file', bytes('of the heir'))
  expect(isBuried(heir)).toBe(true)
  await until(() => Date.now() - sinceMs > 6000)
  const { volume } = heir.volume
  const file = await volume.find(await volume.root(), 'file')
  const content = volume.openFile(await volume.readFileDescriptor(file!.address))
  expect((await content.read(0, content.length)).toString()).toBe('of the heir')
  await heir.volume.close()
  victim.session.destroy()
  await late
  await victim.volume.close().catch(() => {})
  for (const finding of await shared.findings()) expect(finding).toMatch(/^leak: /)
}, 60_000)
