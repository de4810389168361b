// A host of which one operation at a time is looked at: its commands as a tap between it and the array sees them, as the host's trace
// tells them by the names of the operations, and as the array remembers them.

import { expect, onTestFinished } from 'vitest'
import { openTarget, type SharedDevice, type TargetSession } from '../../../../src/host/index.ts'
import { openIscsiDevice } from '../../../../src/host/iscsi-device.ts'
import { LogicalUnit } from '../../../../src/host/logical-unit.ts'
import { formatVolume } from '../../../../src/host/vmfs/format.ts'
import { chooseSlot, readSlots } from '../../../../src/host/vmfs/heartbeats.ts'
import { makeHostUuid } from '../../../../src/host/vmfs/host-identity.ts'
import type { LockingEvent } from '../../../../src/host/vmfs/locking/commands.ts'
import type { LockingCounts, OperationCounts } from '../../../../src/host/vmfs/locking/counters.ts'
import { LockingEngine } from '../../../../src/host/vmfs/locking/engine.ts'
import { SECTOR_OPERATIONS, type SectorOperation } from '../../../../src/host/vmfs/locking/operations.ts'
import { LOCKING_DEFAULTS, type LockingSettings } from '../../../../src/host/vmfs/locking/settings.ts'
import type { LockingTrace } from '../../../../src/host/vmfs/locking/trace.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import type { ArrayOptions, Injector, LockEvent } from '../../../../src/index.ts'
import { type LunInput, MIB, memory, openArray, type TestArray } from '../../../target/array.ts'
import { type WireTap, wireTap } from '../../wire-tap.ts'
import { ReserveRecord } from './reserve-record.ts'

/** A host is looked at again only when it is dead by then, if it does not beat. */
const TIMES: Partial<LockingSettings> = {
  ...{ beatMs: 50, ioTimeoutMs: 300, lostMs: 600, retryMs: 50, contentionWaitMs: 700 },
}

type Sent = Pick<LockingTrace, 'operation' | 'command'>

export interface WireHost {
  readonly engine: LockingEngine
  readonly uuid: string
  readonly device: SharedDevice
  readonly session: TargetSession
  readonly tap: WireTap
  /** Of the lock of the root directory. */
  readonly lockOffset: number
  readonly events: LockingEvent[]
  /** Called with each command that has been answered, and each event. */
  onCommand: (sent: LockingTrace) => void
  onEvent: (event: LockingEvent) => void
  /** The sector of the lock as it is. */
  lockImage(): Promise<Buffer>
  /** From now on. */
  begin(): void
  /** What was sent since then, by operation, reads left out, once all that tell of it agree. */
  sent(): Partial<Record<SectorOperation, string[]>>
}

export class WireVolume {
  readonly array: TestArray
  /** What the array does with commands; none unless a test says so. */
  injector: Injector = () => undefined
  readonly #events: LockEvent[]
  readonly #record: ReserveRecord
  #hosts = 0

  private constructor(array: TestArray, events: LockEvent[], record: ReserveRecord) {
    this.array = array
    this.#events = events
    this.#record = record
  }

  /** Its owner closes its array. */
  static async open(lun: LunInput = {}, record = new ReserveRecord()): Promise<WireVolume> {
    const events: LockEvent[] = []
    let volume: WireVolume | undefined
    const luns = [memory({ size: 600 * MIB, ...lun })]
    const seams: ArrayOptions = {
      injector: (seen) => volume?.injector(seen),
      onLockEvent(event) {
        events.push(event)
        record.add(event)
      },
    }
    const array = await openArray(luns, {}, {}, seams)
    volume = new WireVolume(array, events, record)
    const { device } = await volume.#device(array.port, 'iqn.2026-11.test:formatter')
    await formatVolume([device], { version: 5, label: 'wire' })
    await device.close()
    return volume
  }

  /**
   * A host with a heartbeat slot, that does not beat yet. What it sent for that is the first that `sent` tells.
   * @param wrap what stands between its engine and its device
   */
  async host(
    settings: Partial<LockingSettings>,
    wrap: (device: SharedDevice) => SharedDevice = (device) => device,
  ): Promise<WireHost> {
    const name = `iqn.2026-11.test:wire${++this.#hosts}`
    const tap = await wireTap(this.array.port)
    const { device, session } = await this.#device(tap.port, name)
    onTestFinished(() => {
      session.destroy()
      expect(this.#record.violations).toEqual([])
    })
    const { logical, version, root } = await openVolume([wrap(device)]).then((opened) => ({
      ...{ logical: opened.logical, version: opened.version, root: opened.root() },
    }))
    const uuid = makeHostUuid()
    const owner = { host: uuid, journalAddress: 0, journalOffset: 0, driverMajor: 14, driverMinor: 81 }
    const slot = chooseSlot(await readSlots(logical, version), uuid).slotOffset
    const { offset: lockOffset } = await root
    const events: LockingEvent[] = []
    const trace: LockingTrace[] = []
    const from = { tap: 0, trace: 0, events: 0, counts: undefined as LockingCounts | undefined }
    const record = () => this.#events.filter(({ nexus }) => nexus?.initiatorPort.startsWith(`${name},`))
    const begin = (): void => {
      from.tap = tap.commands.length
      from.trace = trace.length
      from.events = record().length
      from.counts = host?.engine.counts
    }
    let host: WireHost | undefined
    begin()
    const engine = await LockingEngine.open(
      logical,
      { volume: 'a volume', owner, slots: [slot] },
      {
        settings: { ...LOCKING_DEFAULTS, ...TIMES, ...settings },
        replay: async () => {},
        onEvent(event) {
          events.push(event)
          host?.onEvent(event)
        },
        onTrace(sent) {
          trace.push(sent)
          host?.onCommand(sent)
        },
      },
    )
    host = {
      ...{ engine, uuid, device, session, tap, lockOffset, events, begin, onCommand() {}, onEvent() {} },
      async lockImage() {
        const place = logical.place(lockOffset)
        return await place.device.read(place.offset, device.blockBytes)
      },
      sent() {
        const told = trace.slice(from.trace)
        // The same commands in the same order, as the wire has carried them.
        expect(told.map(({ command }) => command)).toEqual(tap.commands.slice(from.tap).map(({ command }) => command))
        requireRecorded(record().slice(from.events), told)
        const zero = zeroCounts()
        expect(difference(engine.counts, from.counts ?? zero)).toEqual(counted(told, zero))
        return byOperation(told)
      },
    }
    return host
  }

  async #device(port: number, initiatorName: string) {
    const session = await openTarget({ host: '127.0.0.1', port, targetName: this.array.iqn, initiatorName })
    return { session, device: await openIscsiDevice(new LogicalUnit(session, 0)) }
  }
}

const RECORDED: readonly string[] = ['COMPARE AND WRITE', 'RESERVE(6)', 'RELEASE(6)']
const VERDICTS: Readonly<Record<string, string>> = { done: 'accepted', miscompare: 'miscompare', conflict: 'conflict' }

/** Of commands that were refused the array remembers those that it knows: they are left out. */
function requireRecorded(events: readonly LockEvent[], trace: readonly LockingTrace[]): void {
  const judged = events
    .filter(({ verdict, answered }) => answered && isJudged(verdict))
    .map(({ command, verdict }) => [command, verdict])
  const told = trace.filter(({ command, answer }) => RECORDED.includes(command) && answer in VERDICTS)
  expect(judged).toEqual(told.map(({ command, answer }) => [command, VERDICTS[answer]]))
}

const isJudged = (verdict: string): boolean => Object.values(VERDICTS).includes(verdict)

function byOperation(trace: readonly Sent[]): Partial<Record<SectorOperation, string[]>> {
  const sent: Partial<Record<SectorOperation, string[]>> = {}
  for (const { operation, command } of trace) {
    sent[operation] ??= []
    if (command !== 'READ') sent[operation].push(command)
  }
  return sent
}

type Counts = Record<SectorOperation, { -readonly [Name in keyof OperationCounts]: number }>

const zeroCounts = (): Counts =>
  Object.fromEntries(
    SECTOR_OPERATIONS.map((name) => [
      name,
      { reads: 0, ats: 0, atsFailed: 0, reserve: 0, release: 0, conflicts: 0, plainWrites: 0 },
    ]),
  ) as Counts

const COUNTERS = {
  READ: 'reads',
  WRITE: 'plainWrites',
  'COMPARE AND WRITE': 'ats',
  'RESERVE(6)': 'reserve',
  'RELEASE(6)': 'release',
} as const satisfies Record<LockingTrace['command'], keyof OperationCounts>

function counted(trace: readonly LockingTrace[], counts: Counts): Counts {
  for (const { operation, command, answer } of trace) {
    counts[operation][COUNTERS[command]]++
    if (command === 'COMPARE AND WRITE' && answer !== 'done') counts[operation].atsFailed++
    if (answer === 'conflict') counts[operation].conflicts++
  }
  return counts
}

function difference(after: LockingCounts, before: LockingCounts): Counts {
  const result = zeroCounts()
  for (const name of SECTOR_OPERATIONS)
    for (const counter of Object.keys(result[name]) as (keyof OperationCounts)[])
      result[name][counter] = after[name][counter] - before[name][counter]
  return result
}
