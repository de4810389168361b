// A change of the locking mode while hosts open and close the volume: one host stands still before each of its commands in turn, and
// another one does all that it can meanwhile. By the array's own record no host ever had the volume open in another mode than the
// volume's, and the change is not lost.

import { describe, expect, test } from 'vitest'
import type { VmfsError } from '../../../../src/host/vmfs/errors.ts'
import { describing, type LockMode, lockModeOf, lockModeText, otherMode } from '../../../../src/host/vmfs/lock-mode.ts'
import { setLockMode } from '../../../../src/host/vmfs/set-lock-mode.ts'
import { FS_DESCRIPTOR, FS_DESCRIPTOR_OFFSET } from '../../../../src/host/vmfs/structures/fs-descriptor.ts'
import { LOCK_IMPLEMENTATION } from '../../../../src/host/vmfs/structures/heartbeat.ts'
import { LVM_DATA_OFFSET } from '../../../../src/host/vmfs/structures/lvm.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import { openForWriting, type WritableVolume } from '../../../../src/host/vmfs/writable-volume.ts'
import { GatedDevice, type HostCommand } from './gated-device.ts'
import { ModeRecord } from './mode-record.ts'
import { FAST, type SharedVolume, sharedVolume } from './shared-volume.ts'

/** Nobody is taken for dead who stands still for a while. */
const SLOW = { beatMs: 5000, ioTimeoutMs: 20_000, lostMs: 60_000, retryMs: 100, contentionWaitMs: 2 }
/** Of a host that tries to take the guard: that many looks at locks are more than it needs to open a volume. */
const WAITS = 12

class Host {
  readonly device: GatedDevice
  /** Resolves when this host waits for another one. */
  readonly waits: Promise<void>
  readonly #locking: object
  #volume: WritableVolume | undefined
  #onTrace = (_: { readonly operation: string; readonly command: string }): void => {}

  static async on(shared: SharedVolume, locking: object = {}): Promise<Host> {
    return new Host(new GatedDevice((await shared.device()).device), locking)
  }

  private constructor(device: GatedDevice, locking: object) {
    this.device = device
    this.#locking = { ...SLOW, ...locking }
    this.waits = new Promise((resolve) => {
      let looks = 0
      this.#onTrace = ({ operation, command }) => {
        if (operation === 'acquire lock' && command.startsWith('READ') && ++looks >= WAITS) resolve()
      }
    })
  }

  get #options() {
    return { locking: this.#locking, onTrace: this.#onTrace }
  }

  async open(): Promise<void> {
    this.#volume = await openForWriting([this.device], this.#options)
  }

  async close(): Promise<void> {
    await this.#volume?.close()
  }

  async set(mode: LockMode): Promise<void> {
    // The one that stands still does not beat either.
    await setLockMode([this.device], mode, { ...this.#options, buries: false })
    await this.device.close()
  }

  /** Stands still before its command `index` from now on, and before all that come after it. */
  stopAt(index: number) {
    let count = 0
    return this.stopWhen(() => count++ >= index)
  }

  /** Stands still before the first command that `isIt`, and before all that come after it. */
  stopWhen(isIt: (command: HostCommand) => boolean): { readonly stopped: Promise<void>; readonly goOn: () => void } {
    let goOn = (): void => {}
    const gate = new Promise<void>((resolve) => {
      goOn = resolve
    })
    let isStopped = false
    const stopped = new Promise<void>((resolve) => {
      this.device.before = async (command) => {
        isStopped ||= isIt(command)
        if (!isStopped) return
        resolve()
        await gate
      }
    })
    return { stopped, goOn }
  }
}

async function textOf(shared: SharedVolume): Promise<string> {
  const volume = await openVolume([(await shared.device()).device])
  try {
    return lockModeText(lockModeOf(volume))
  } finally {
    await volume.close()
  }
}

/** Says on the medium that a change is pending, or that none is, while nobody has the volume open. */
async function write(shared: SharedVolume, mode: LockMode, isPending: boolean): Promise<void> {
  const { device } = await shared.device()
  const at = LVM_DATA_OFFSET + FS_DESCRIPTOR_OFFSET
  await device.write(at, describing(await device.read(at, FS_DESCRIPTOR.size), { mode, isPending }))
  await device.close()
}

interface Scenario {
  readonly what: string
  /** With the volume in the mode `from`. @returns what each of the two does, and what is left to do */
  prepare(
    shared: SharedVolume,
    from: LockMode,
  ): Promise<{ readonly one: Host; readonly other: Host; run(): Promise<void>; meanwhile(): Promise<void> }>
  readonly ends: readonly ('from' | 'to')[]
}

const SCENARIOS: readonly Scenario[] = [
  {
    what: 'the last host closes it, another one opens it',
    ends: ['to'],
    async prepare(shared, from) {
      const [one, other] = [await Host.on(shared), await Host.on(shared)]
      await one.open()
      await (await Host.on(shared)).set(otherMode(from))
      return { one, other, run: () => one.close(), meanwhile: () => other.open() }
    },
  },
  {
    what: 'two hosts open it, which nobody had open',
    ends: ['to'],
    async prepare(shared, from) {
      await write(shared, from, true)
      const [one, other] = [await Host.on(shared), await Host.on(shared)]
      return { one, other, run: () => one.open(), meanwhile: () => other.open() }
    },
  },
  {
    what: 'the last two hosts close it',
    ends: ['to'],
    async prepare(shared, from) {
      const [one, other] = [await Host.on(shared), await Host.on(shared)]
      await one.open()
      await other.open()
      await (await Host.on(shared)).set(otherMode(from))
      return { one, other, run: () => one.close(), meanwhile: () => other.close() }
    },
  },
  {
    what: 'the mode is set, another host opens it',
    ends: ['to'],
    async prepare(shared, from) {
      const [one, other] = [await Host.on(shared), await Host.on(shared)]
      return { one, other, run: () => one.set(otherMode(from)), meanwhile: () => other.open() }
    },
  },
  {
    what: 'the change is taken back, the last host closes it',
    ends: ['from', 'to'],
    async prepare(shared, from) {
      const [one, other] = [await Host.on(shared), await Host.on(shared)]
      await other.open()
      await (await Host.on(shared)).set(otherMode(from))
      return { one, other, run: () => one.set(from), meanwhile: () => other.close() }
    },
  },
]

/** Lets `one` stand still before its command `index`. @returns whether it had so many */
async function once(shared: SharedVolume, scenario: Scenario, from: LockMode, index: number): Promise<boolean> {
  await write(shared, from, false)
  const record = new ModeRecord(from)
  shared.onEvent = (event) => record.add(event)
  const { one, other, run, meanwhile } = await scenario.prepare(shared, from)
  const { stopped, goOn } = one.stopAt(index)
  const running = run()
  const hasStopped = await Promise.race([stopped.then(() => true), running.then(() => false)])
  const doing = meanwhile()
  await Promise.race([doing, other.waits])
  goOn()
  await Promise.all([running, doing])
  await Promise.all([one.close(), other.close()])
  const modes = { from, to: otherMode(from) }
  expect([index, record.violations]).toEqual([index, []])
  expect(scenario.ends.map((end) => modes[end])).toContain(await textOf(shared))
  return hasStopped
}

describe.each(['ATS-only', 'ATS+SCSI'] as const)('from %s', (from) => {
  test.each(SCENARIOS.map((scenario) => [scenario.what, scenario] as const))(
    '%s',
    async (_, scenario) => {
      const shared = await sharedVolume(5)
      let index = 0
      while (await once(shared, scenario, from, index)) index++
      expect(index).toBeGreaterThan(10)
      expect(await shared.findings()).toEqual([])
      expect(Object.keys(shared.commands())).not.toContain('RESERVE(6)')
    },
    120_000,
  )
})

const ofDescriptor = ({ kind, offset }: HostCommand): boolean =>
  kind === 'compareAndWrite' && offset === LVM_DATA_OFFSET + FS_DESCRIPTOR_OFFSET

test('a host that is taken for dead completes nothing: another one has the volume open by then', async () => {
  const shared = await sharedVolume(5)
  await write(shared, 'ATS+SCSI', true)
  const zombie = await Host.on(shared)
  const { stopped, goOn } = zombie.stopWhen(ofDescriptor)
  const opening = zombie.open().then(
    () => 'open',
    (error: VmfsError) => error.problem,
  )
  await stopped
  // It may not use ATS, so that the change stays pending.
  const heir = await Host.on(shared, { ...FAST, acceleratedLocking: false })
  await heir.open()
  goOn()
  expect(await opening).toBe('in use')
  expect(await textOf(shared)).toBe('ATS upgrade pending')
  expect((await shared.heartbeats()).filter(({ journalOffset }) => journalOffset !== 0)).toMatchObject([
    { lockImplementation: LOCK_IMPLEMENTATION.reservations },
  ])
  await heir.close()
  expect(await shared.findings()).toEqual([])
}, 60_000)
