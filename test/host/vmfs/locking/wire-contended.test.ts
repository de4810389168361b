// What goes over the wire when two hosts are after one sector, or one of them has the LUN reserved (notes on the ESXi host, on-disk
// locks and ATS): the mid-air collision, the conflict budget, and an array that refuses ATS for a while.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { SENSE } from '../../../../protocol/index.ts'
import type { SharedDevice, VmfsError } from '../../../../src/host/index.ts'
import { VOLUME_MODES, type VolumeMode } from '../../../../src/host/vmfs/locking/operations.ts'
import { interposed } from './interposed.ts'
import { type WireHost, WireVolume } from './wire.ts'

const TIMEOUT_MS = 60_000
const ATS = 'COMPARE AND WRITE'
const RESERVED = ['RESERVE(6)', 'WRITE', 'RELEASE(6)']
/** Nothing was to be written. */
const LOOKED = ['RESERVE(6)', 'RELEASE(6)']

let volume: WireVolume
beforeAll(async () => {
  volume = await WireVolume.open()
  return () => volume.array.close()
})
beforeEach(() => {
  volume.injector = () => undefined
})

/** A host that is overtaken just before its next COMPARE AND WRITE leaves, once. */
async function overtaken(mode: VolumeMode) {
  let overtake: (() => Promise<unknown>) | undefined
  const host = await volume.host({ mode }, (device: SharedDevice) =>
    interposed(device, {
      async compareAndWrite(...command) {
        const now = overtake
        overtake = undefined
        await now?.()
        await device.compareAndWrite(...command)
      },
    }),
  )
  return {
    host,
    by(act: () => Promise<unknown>) {
      overtake = act
    },
  }
}

const end = async (...hosts: WireHost[]): Promise<void> => {
  for (const { engine, lockOffset } of hosts) {
    await engine.unlock(lockOffset)
    await engine.stop()
  }
}

describe('mid-air collision', () => {
  test.each([
    ['VMFS3 with VAAI', [ATS, ...RESERVED]],
    ['ATS-only', [ATS, ATS]],
    ['ATS+SCSI', [ATS, ATS]],
  ] as const)(
    '%s: another host has had the lock in between, and it is acquired by %j',
    async (mode, expected) => {
      const { host, by } = await overtaken(mode)
      const other = await volume.host({ mode })
      by(async () => {
        expect(await other.engine.lock(other.lockOffset, 'exclusive', 0)).toBe(true)
        await other.engine.unlock(other.lockOffset)
      })
      host.begin()
      expect(await host.engine.lock(host.lockOffset, 'exclusive', 0)).toBe(true)
      expect(host.sent()).toEqual({ 'acquire lock': expected })
      await end(host, other)
    },
    TIMEOUT_MS,
  )

  test.each([
    ['VMFS3 with VAAI', [ATS, ...LOOKED]],
    ['ATS-only', [ATS]],
    ['ATS+SCSI', [ATS]],
  ] as const)(
    '%s: another host has taken the lock in between, and it is left by %j',
    async (mode, expected) => {
      const { host, by } = await overtaken(mode)
      const other = await volume.host({ mode })
      by(() => other.engine.lock(other.lockOffset, 'exclusive', 0))
      host.begin()
      expect(await host.engine.lock(host.lockOffset, 'exclusive', 0)).toBe(false)
      expect(host.sent()['acquire lock']).toEqual(expected)
      await end(host, other)
    },
    TIMEOUT_MS,
  )

  test.each([
    ['VMFS3 with VAAI', [ATS, ...LOOKED]],
    ['ATS-only', [ATS]],
    ['ATS+SCSI', [ATS]],
  ] as const)(
    '%s: an optimistic lock that another host has had in between is not upgraded, by %j',
    async (mode, expected) => {
      const { host, by } = await overtaken(mode)
      const other = await volume.host({ mode })
      const image = await host.lockImage()
      by(async () => {
        expect(await other.engine.lock(other.lockOffset, 'exclusive', 0)).toBe(true)
        await other.engine.unlock(other.lockOffset)
      })
      host.begin()
      expect(await host.engine.upgrade({ offset: host.lockOffset, image })).toBe(false)
      expect(host.sent()).toEqual({ 'upgrade optimistic lock': expected })
      await end(host, other)
    },
    TIMEOUT_MS,
  )
})

test.each(VOLUME_MODES)(
  '%s: an exclusive lock goes back in the way in which it was taken',
  async (mode) => {
    const host = await volume.host({ mode })
    host.begin()
    expect(await host.engine.lock(host.lockOffset, 'exclusive', 0)).toBe(true)
    const taken = host.sent()
    host.begin()
    await host.engine.unlock(host.lockOffset)
    expect(host.sent()).toEqual(taken)
    await end(host)
  },
  TIMEOUT_MS,
)

describe('the LUN is reserved by another host', () => {
  const CONFLICTS = 3

  test.each([
    ['VMFS3', ['RESERVE(6)'], RESERVED],
    ['ATS-only', [], [ATS]],
  ] as const)(
    '%s: each conflict is counted, and the command sent again until it goes through',
    async (mode, refused, done) => {
      const host = await volume.host({ mode, conflictRetries: 1000, conflictWaitMs: 5 })
      const other = await volume.host({ mode: 'VMFS3' })
      await other.device.reserve()
      let conflicts = 0
      host.onCommand = ({ answer }) => {
        if (answer === 'conflict' && ++conflicts === CONFLICTS) void other.device.release()
      }
      host.begin()
      expect(await host.engine.lock(host.lockOffset, 'exclusive', 0)).toBe(true)
      expect(conflicts).toBeGreaterThanOrEqual(CONFLICTS)
      expect(host.engine.counts['acquire lock'].conflicts).toBe(conflicts)
      const before = Array.from({ length: conflicts }, () => refused).flat()
      expect(host.sent()).toEqual({ 'acquire lock': [...before, ...done] })
      await end(host, other)
    },
    TIMEOUT_MS,
  )

  test.each(VOLUME_MODES)(
    '%s: after as many retries as there may be the lock is told to be not to be had',
    async (mode) => {
      const host = await volume.host({ mode, conflictRetries: CONFLICTS, conflictWaitMs: 5 })
      const other = await volume.host({ mode: 'VMFS3' })
      await other.device.reserve()
      host.begin()
      const error = await host.engine.lock(host.lockOffset, 'exclusive', 0).catch((thrown: VmfsError) => thrown)
      expect(error).toMatchObject({ problem: 'in use', message: expect.stringContaining('(conflict)') })
      expect(host.engine.counts['acquire lock'].conflicts).toBe(1 + CONFLICTS)
      const { 'acquire lock': sent = [] } = host.sent()
      // A host that locks by ATS reads first.
      expect(sent).toEqual(mode === 'VMFS3' ? Array(1 + CONFLICTS).fill('RESERVE(6)') : [])
      await other.device.release()
      await end(host, other)
    },
    TIMEOUT_MS,
  )
})

describe('the array refuses ATS for a while', () => {
  const REFUSALS = {
    'as an illegal opcode': SENSE.INVALID_COMMAND_OPERATION_CODE,
    'by giving it up': SENSE.INTERNAL_TARGET_FAILURE_COMMAND_ABORTED,
  }

  test.each(Object.entries(REFUSALS))(
    'ATS+SCSI, %s: each operation tries ATS first, and reserves while it fails',
    async (_, sense) => {
      let refuses = true
      volume.injector = ({ command }) => (refuses && command === ATS ? { refuse: { sense } } : undefined)
      const host = await volume.host({ mode: 'ATS+SCSI' })
      const sent: unknown[] = []
      for (const now of [true, true, false, true]) {
        refuses = now
        host.begin()
        expect(await host.engine.lock(host.lockOffset, 'exclusive', 0)).toBe(true)
        sent.push(host.sent()['acquire lock'])
        await host.engine.unlock(host.lockOffset)
      }
      expect(sent).toEqual([[ATS, ...RESERVED], [ATS, ...RESERVED], [ATS], [ATS, ...RESERVED]])
      await end(host)
    },
    TIMEOUT_MS,
  )

  test.each(Object.entries(REFUSALS))(
    'ATS-only, %s: the lock is told to be not to be had, and nothing is reserved',
    async (_, sense) => {
      const host = await volume.host({ mode: 'ATS-only', contentionWaitMs: 1 })
      volume.injector = ({ command }) => (command === ATS ? { refuse: { sense } } : undefined)
      host.begin()
      await expect(host.engine.lock(host.lockOffset, 'exclusive', 0)).rejects.toThrow('could not be changed')
      expect(new Set(host.sent()['acquire lock'])).toEqual(new Set([ATS]))
      volume.injector = () => undefined
      await end(host)
    },
    TIMEOUT_MS,
  )

  test.each([
    ['given up before its turn', { delayMs: 3_600_000 }, [ATS, ATS, ...RESERVED]],
    // The host finds its own image, and there is nothing left to do.
    ['carried out', { loseAnswer: true }, [ATS]],
  ] as const)(
    'ATS+SCSI, an ATS that is not answered, and was %s',
    async (_, injection, expected) => {
      const host = await volume.host({ mode: 'ATS+SCSI' })
      volume.injector = ({ command }) => (command === ATS ? injection : undefined)
      host.begin()
      expect(await host.engine.lock(host.lockOffset, 'exclusive', 0)).toBe(true)
      volume.injector = () => undefined
      expect(host.sent()).toEqual({ 'acquire lock': expected })
      await end(host)
    },
    TIMEOUT_MS,
  )

  test(
    'a heartbeat that was acquired by a reservation goes back by ATS',
    async () => {
      volume.injector = ({ command }) =>
        command === ATS ? { refuse: { sense: SENSE.INVALID_COMMAND_OPERATION_CODE } } : undefined
      const host = await volume.host({ mode: 'ATS+SCSI' })
      expect(host.sent()).toEqual({ 'acquire heartbeat': [ATS, ...RESERVED] })
      volume.injector = () => undefined
      host.begin()
      expect(await host.engine.stop()).toBe(true)
      expect(host.sent()).toEqual({ 'clear heartbeat': [ATS] })
    },
    TIMEOUT_MS,
  )
})
