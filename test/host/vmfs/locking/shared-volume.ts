// A volume on a LUN of a real array, and hosts that have it open at once.

import { expect, onTestFinished } from 'vitest'
import { SENSE } from '../../../../protocol/index.ts'
import { openTarget, type TargetSession } from '../../../../src/host/index.ts'
import { openIscsiDevice } from '../../../../src/host/iscsi-device.ts'
import { LogicalUnit } from '../../../../src/host/logical-unit.ts'
import { checkVolume } from '../../../../src/host/vmfs/check/check.ts'
import { formatVolume } from '../../../../src/host/vmfs/format.ts'
import { type Heartbeat, readHeartbeats } from '../../../../src/host/vmfs/heartbeats.ts'
import type { LockingEvent } from '../../../../src/host/vmfs/locking/commands.ts'
import type { LockingSettings } from '../../../../src/host/vmfs/locking/settings.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import { openForWriting, type WritableVolume } from '../../../../src/host/vmfs/writable-volume.ts'
import type { ArrayOptions, LockEvent, SeenCommand } from '../../../../src/index.ts'
import { arrayForTest, type LunInput, MIB, memory, type TestArray } from '../../../target/array.ts'
import { ReserveRecord } from './reserve-record.ts'

export interface Host {
  readonly volume: WritableVolume
  readonly session: TargetSession
  readonly events: LockingEvent[]
}

/** Long enough for a machine that is slow, short enough to wait for. */
export const FAST: Partial<LockingSettings> = { beatMs: 200, ioTimeoutMs: 1000, lostMs: 2000, retryMs: 100 }

export class SharedVolume {
  readonly array: TestArray
  readonly events: LockEvent[]
  /** Told of each event as it takes effect, with its images. */
  onEvent: (event: LockEvent) => void = () => {}
  #hosts = 0

  constructor(array: TestArray, events: LockEvent[]) {
    this.array = array
    this.events = events
  }

  async device(initiatorName = `iqn.2026-11.test:host${++this.#hosts}`) {
    const session = await openTarget({
      ...{ host: '127.0.0.1', port: this.array.port, targetName: this.array.iqn, initiatorName },
    })
    onTestFinished(() => session.destroy())
    return { session, device: await openIscsiDevice(new LogicalUnit(session, 0)) }
  }

  async host(locking: Partial<LockingSettings> = {}, initiatorName?: string): Promise<Host> {
    const events: LockingEvent[] = []
    const { session, device } = await this.device(initiatorName)
    const volume = await openForWriting([device], {
      locking: { ...FAST, ...locking },
      onEvent: (event) => events.push(event),
    })
    return { volume, session, events }
  }

  /** Everything that `check` finds, by name. */
  async findings(): Promise<string[]> {
    const { device } = await this.device()
    const volume = await openVolume([device])
    try {
      const { findings } = await checkVolume(volume)
      return findings.map(({ name, message }) => `${name}: ${message}`)
    } finally {
      await volume.close()
    }
  }

  /** Of the hosts that have it open. */
  async heartbeats(): Promise<Heartbeat[]> {
    const { device } = await this.device()
    const { logical, version } = await openVolume([device])
    try {
      return await readHeartbeats(logical, version)
    } finally {
      await device.close()
    }
  }

  async names(): Promise<string[]> {
    const { device } = await this.device()
    const volume = await openVolume([device])
    const names: string[] = []
    try {
      for await (const { name } of volume.entries(await volume.root())) if (!name.startsWith('.')) names.push(name)
    } finally {
      await volume.close()
    }
    return names.sort()
  }

  /** The commands of locking that the array has had, as often as it had them. */
  commands(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const { command } of this.events) counts[command] = (counts[command] ?? 0) + 1
    return counts
  }
}

export async function sharedVolume(
  version: 5 | 6,
  { lun = {}, options = {} }: { lun?: LunInput; options?: ArrayOptions } = {},
): Promise<SharedVolume> {
  const events: LockEvent[] = []
  let shared: SharedVolume | undefined
  const record = new ReserveRecord()
  const array = await arrayForTest(
    [memory({ size: version === 5 ? 600 * MIB : 1100 * MIB, ...lun })],
    {},
    {},
    {
      ...options,
      onLockEvent: (event) => {
        events.push(event)
        record.add(event)
        shared?.onEvent(event)
      },
    },
  )
  shared = new SharedVolume(array, events)
  onTestFinished(() => expect(record.violations).toEqual([]))
  const { device } = await shared.device()
  await formatVolume([device], { version, label: 'shared' })
  await device.close()
  events.length = 0 // those of format
  return shared
}

export async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

/** COMPARE AND WRITE goes as an opcode that the array does not know, while the switch is off. */
export function switchable() {
  const ats = { isOn: true }
  const injector = ({ command }: SeenCommand) =>
    command === 'COMPARE AND WRITE' && !ats.isOn
      ? { refuse: { sense: SENSE.INVALID_COMMAND_OPERATION_CODE } }
      : undefined
  return { ats, injector }
}
