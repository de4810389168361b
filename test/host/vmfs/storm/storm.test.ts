// Storms on a real array: what they report is what the array saw, and the volume is left as it was found.

import { describe, expect, test } from 'vitest'
import { type LockMode, lockModeOf } from '../../../../src/host/vmfs/lock-mode.ts'
import { requireStormOptions, type StormOptions } from '../../../../src/host/vmfs/storm/options.ts'
import { runStorm } from '../../../../src/host/vmfs/storm/storm.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import { type SharedVolume, sharedVolume } from '../locking/shared-volume.ts'

const NAME = 'iqn.2026-11.test:storm'

const stormOn = (shared: SharedVolume, options: Partial<StormOptions> = {}) =>
  runStorm({
    ...{ hosts: 2, seconds: 1, locking: 'ats' },
    open: async () => [(await shared.device(NAME)).device],
    ...options,
  })

async function modeOf(shared: SharedVolume): Promise<LockMode> {
  const { device } = await shared.device()
  try {
    return lockModeOf(await openVolume([device])).mode
  } finally {
    await device.close()
  }
}

async function expectUntouched(shared: SharedVolume, mode: LockMode = 'ATS-only') {
  expect(await shared.names()).toEqual([])
  expect(await shared.findings()).toEqual([])
  expect(await modeOf(shared)).toBe(mode)
}

describe.each([5, 6] as const)('VMFS%i', (version) => {
  test('by ATS: no RESERVE, each host an initiator port of its own, nothing is left', async () => {
    const shared = await sharedVolume(version)
    shared.events.splice(0)
    const { volume, hosts, total, kinds, errors, ...report } = await stormOn(shared, { hosts: 3 })
    expect(errors).toEqual([])
    expect(report).toMatchObject({ locking: 'ats', mode: 'ATS-only', interrupted: false })
    expect(volume).toMatchObject({ label: 'shared', version })
    expect(hosts.map(({ host }) => host)).toEqual([0, 1, 2])
    expect(new Set(hosts.map(({ uuid }) => uuid)).size).toBe(3)
    expect(total.count).toBeGreaterThan(0)
    expect(total.count).toBe(kinds.reduce((sum, { count }) => sum + count, 0))
    expect(total.ats).toBe(hosts.reduce((sum, { ats }) => sum + ats, 0))
    expect(total).toMatchObject({ reserves: 0, plainHeartbeats: 0 })
    const ports = new Set(
      shared.events.filter(({ command }) => command === 'COMPARE AND WRITE').map(({ nexus }) => nexus?.initiatorPort),
    )
    expect(ports.size).toBeGreaterThanOrEqual(3)
    const { 'RESERVE(6)': reserves, 'COMPARE AND WRITE': ats } = shared.commands()
    expect(reserves).toBeUndefined()
    // The array has seen what opening and cleaning took as well.
    expect(ats).toBeGreaterThan(total.ats)
    await expectUntouched(shared)
  }, 120_000)

  test('by reservations: no COMPARE AND WRITE while it is measured, and the mode is put back', async () => {
    const shared = await sharedVolume(version)
    const steps: string[] = []
    const { total, errors, mode } = await stormOn(shared, {
      locking: 'scsi',
      onProgress: (step) => steps.push(step.kind === 'mode' ? `${step.from} to ${step.to}` : step.kind),
    })
    expect(errors).toEqual([])
    expect(mode).toBe('ATS+SCSI')
    expect(total.count).toBeGreaterThan(0)
    expect(total.reserves).toBeGreaterThan(0)
    expect(total).toMatchObject({ ats: 0, atsFailed: 0 })
    expect(steps.filter((step) => step.includes(' to '))).toEqual(['ATS-only to ATS+SCSI', 'ATS+SCSI to ATS-only'])
    await expectUntouched(shared)
  }, 120_000)
})

test('interrupted: it ends in order, and says so', async () => {
  const shared = await sharedVolume(6)
  const controller = new AbortController()
  const { interrupted, errors, seconds } = await stormOn(shared, {
    ...{ seconds: 600, locking: 'scsi', signal: controller.signal },
    onProgress: ({ kind }) => kind === 'running' && controller.abort(),
  })
  expect([interrupted, errors]).toEqual([true, []])
  expect(seconds).toBeLessThan(600)
  await expectUntouched(shared)
}, 120_000)

test('another host has the volume open: the mode is not changed, and who it is is told', async () => {
  const shared = await sharedVolume(6)
  const host = await shared.host()
  const steps: string[] = []
  const asked = stormOn(shared, { locking: 'scsi', onProgress: ({ kind }) => steps.push(kind) })
  await expect(asked).rejects.toMatchObject({ problem: 'in use', message: expect.stringContaining(host.volume.host) })
  expect(steps).toEqual([])
  const { errors } = await stormOn(shared)
  expect(errors).toEqual([])
  await host.volume.close()
  await expectUntouched(shared)
}, 120_000)

test('a host that fails is told, and the others go on', async () => {
  const shared = await sharedVolume(6)
  const { sessions, devices } = { sessions: [] as { destroy(): void }[], devices: 0 }
  let opened = devices
  const { errors, hosts } = await stormOn(shared, {
    times: { beatMs: 100, ioTimeoutMs: 500, lostMs: 1000, retryMs: 50 },
    open: async () => {
      const { device, session } = await shared.device(NAME)
      opened++
      sessions.push(session)
      return [device]
    },
    // The first session reads what the volume is; the others are the hosts'.
    onProgress: ({ kind }) => kind === 'running' && sessions[1]?.destroy(),
  })
  expect(opened).toBeGreaterThanOrEqual(3)
  expect(errors.map(({ host }) => host)).toContain(0)
  expect(hosts[0]?.error).toBeDefined()
  expect(hosts[1]?.error).toBeUndefined()
  expect(hosts[1]?.count).toBeGreaterThan(0)
  expect(await shared.names()).toEqual([])
}, 120_000)

test.each([
  [{ hosts: 0, seconds: 1 }, 'hosts: found 0; allowed: a whole number from 1 to 64'],
  [{ hosts: 65, seconds: 1 }, 'hosts: found 65; allowed: a whole number from 1 to 64'],
  [{ hosts: 1.5, seconds: 1 }, 'hosts: found 1.5; allowed'],
  [{ hosts: Number.NaN, seconds: 1 }, 'hosts: found no number; allowed'],
  [{ hosts: 1, seconds: 0 }, 'seconds: found 0; allowed: a whole number from 1 to 86400'],
  [{ hosts: 1, seconds: -3 }, 'seconds: found -3; allowed'],
  [{ hosts: 1, seconds: Number.POSITIVE_INFINITY }, 'seconds: found Infinity; allowed'],
])('%o is out of bounds', (numbers, message) => {
  expect(() => requireStormOptions(numbers)).toThrow(message)
})
