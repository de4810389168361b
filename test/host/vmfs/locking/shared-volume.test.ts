// Several hosts with one volume open at once, over a real array: what they make is all there, and what dies is cleared away.

import { describe, expect, test } from 'vitest'
import { STATUS } from '../../../../protocol/index.ts'
import type { VmfsError } from '../../../../src/host/index.ts'
import { MIB } from '../../../target/array.ts'
import { bytes, type Host, sharedVolume, switchable } from './shared-volume.ts'

const HOSTS = 4
const FILES = 8

async function make(host: Host, name: string, files: number): Promise<void> {
  for (let file = 0; file < files; file++) await host.volume.putFile(`/${name}-${file}`, bytes(`${name} ${file}`))
}

const namesOf = (hosts: number, files: number) =>
  Array.from({ length: hosts * files }, (_, at) => `host${Math.floor(at / files)}-${at % files}`).sort()

describe.each([5, 6] as const)('VMFS%i', (version) => {
  test('hosts that make files in one directory at once: all of them are there, and no RESERVE was sent', async () => {
    const shared = await sharedVolume(version)
    const hosts = await Promise.all(Array.from({ length: HOSTS }, () => shared.host()))
    await Promise.all(hosts.map((host, index) => make(host, `host${index}`, FILES)))
    await Promise.all(hosts.map(({ volume }) => volume.close()))
    expect(await shared.names()).toEqual(namesOf(HOSTS, FILES))
    expect(await shared.findings()).toEqual([])
    expect(Object.keys(shared.commands())).not.toContain('RESERVE(6)')
    // On a slow machine a beat may come late.
    expect(hosts.flatMap(({ events }) => events).filter(({ kind }) => kind !== 'waiting')).toEqual([])
  }, 120_000)

  test('hosts that make the same directory at once: one of them does, and the others are told that it exists', async () => {
    const shared = await sharedVolume(version)
    const hosts = await Promise.all(Array.from({ length: HOSTS }, () => shared.host()))
    for (let name = 0; name < 5; name++) {
      const ends = await Promise.allSettled(hosts.map(({ volume }) => volume.makeDirectory(`/same-${name}`)))
      const told = ends.map((end) => (end.status === 'fulfilled' ? 'made' : (end.reason as VmfsError).problem))
      expect(told.sort()).toEqual([...Array(HOSTS - 1).fill('exists'), 'made'])
    }
    await Promise.all(hosts.map(({ volume }) => volume.close()))
    expect(await shared.findings()).toEqual([])
  }, 120_000)
})

describe('modes', () => {
  test('VMFS3: reservations alone, and everything is there', async () => {
    const shared = await sharedVolume(5)
    const hosts = await Promise.all([shared.host({ mode: 'VMFS3' }), shared.host({ mode: 'VMFS3' })])
    await Promise.all(hosts.map((host, index) => make(host, `host${index}`, 3)))
    await Promise.all(hosts.map(({ volume }) => volume.close()))
    expect(await shared.names()).toEqual(namesOf(2, 3))
    expect(await shared.findings()).toEqual([])
    const { 'RESERVE(6)': reserve, 'COMPARE AND WRITE': ats } = shared.commands()
    expect(reserve).toBeGreaterThan(0)
    expect(ats).toBeUndefined()
  }, 120_000)

  test('an array without ATS: ATS+SCSI without being told', async () => {
    const shared = await sharedVolume(5, { lun: { vaai: { ats: false } } })
    const host = await shared.host()
    await make(host, 'host0', 2)
    const { 'acquire lock': counts } = host.volume.lockingCounts!
    await host.volume.close()
    expect(counts.atsFailed).toBe(counts.ats)
    expect(counts.reserve).toBeGreaterThan(0)
    expect(await shared.names()).toEqual(namesOf(1, 2))
    expect(await shared.findings()).toEqual([])
  }, 120_000)

  test('an array that says it has ATS, and refuses it: ATS+SCSI as well', async () => {
    const { ats, injector } = switchable()
    ats.isOn = false
    const shared = await sharedVolume(5, { options: { injector } })
    const host = await shared.host()
    await make(host, 'host0', 2)
    await host.volume.close()
    expect(shared.commands()['RESERVE(6)']).toBeGreaterThan(0)
    expect(await shared.names()).toEqual(namesOf(1, 2))
    expect(await shared.findings()).toEqual([])
  }, 120_000)

  test('ATS+SCSI: ATS is switched off and on while hosts run, and nothing is lost', async () => {
    const { ats, injector } = switchable()
    const shared = await sharedVolume(5, { options: { injector } })
    const hosts = await Promise.all([shared.host({ mode: 'ATS+SCSI' }), shared.host({ mode: 'ATS+SCSI' })])
    const made = hosts.map((host, index) => make(host, `host${index}`, 9))
    for (const files of [5, 10]) {
      while ((await shared.names()).length < files);
      ats.isOn = !ats.isOn
    }
    await Promise.all(made)
    await Promise.all(hosts.map(({ volume }) => volume.close()))
    expect(shared.commands()['RESERVE(6)']).toBeGreaterThan(0)
    expect(await shared.names()).toEqual(namesOf(2, 9))
    expect(await shared.findings()).toEqual([])
  }, 120_000)
})

describe.each([5, 6] as const)('VMFS%i: a host that dies', (version) => {
  test.each([1, 4, 7, 10, 13])(
    'at its write %i: another one breaks its heartbeat, replays its journal and goes on',
    async (write) => {
      let left = Number.POSITIVE_INFINITY
      let kill = (): void => {}
      const shared = await sharedVolume(version, {
        options: {
          injector({ command, initiatorName }) {
            if (!command.startsWith('WRITE') || !initiatorName.endsWith(':victim') || --left > 0) return undefined
            kill()
            return { refuse: { status: STATUS.BUSY } }
          },
        },
      })
      const victim = await shared.host({}, 'iqn.2026-11.test:victim')
      await make(victim, 'first', 1)
      kill = () => victim.session.destroy()
      left = write
      await expect(make(victim, 'second', 4)).rejects.toThrow()
      const heir = await shared.host()
      await make(heir, 'third', 2)
      await victim.volume.close().catch(() => {})
      await heir.volume.close()
      const names = await shared.names()
      expect(names).toEqual(expect.arrayContaining(['first-0', 'third-0', 'third-1']))
      // What the cut has leaked a repair frees; nothing else is wrong.
      for (const finding of await shared.findings()) expect(finding).toMatch(/^(leak|heartbeat of a dead host): /)
      if (heir.events.length > 0) expect(heir.events.map(({ kind }) => kind)).toEqual(['waiting', 'broken'])
    },
    120_000,
  )
})

/** Where the heartbeat slots are on the LUN: behind the LVM's 17 MiB. */
const HEARTBEATS = { from: (20 * MIB) / 512, to: (21 * MIB) / 512 }

test('a false miscompare: the array carries a beat out and answers too late, and the host keeps its locks', async () => {
  let delays = 0
  const shared = await sharedVolume(5, {
    options: {
      injector({ command, lba }) {
        const isBeat = command === 'COMPARE AND WRITE' && lba >= HEARTBEATS.from && lba < HEARTBEATS.to
        return isBeat && delays > 0 && delays-- > 0 ? { answerDelayMs: 1500 } : undefined
      },
    },
  })
  const host = await shared.host({ lostMs: 10_000 })
  await make(host, 'host0', 1)
  delays = 1
  while (host.events.length < 2) await make(host, 'host0', 1)
  await make(host, 'host0', 3)
  await host.volume.close()
  expect(host.events.map(({ kind }) => kind)).toEqual(['miscompare', 'false miscompare'])
  expect(host.events[0]?.text).toMatch(
    /^ATS Miscompare detected between test and set HB images at offset \d+ on vol [0-9a-f-]+$/,
  )
  expect(await shared.names()).toEqual(namesOf(1, 3))
  expect(await shared.findings()).toEqual([])
}, 120_000)
