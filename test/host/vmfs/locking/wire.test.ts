// Each cell of the table of operations by volume mode: one operation by itself on a real array, and the commands that it has put on the
// wire. The table is that of the notes on the ESXi host (on-disk locks and ATS), not of the code.

import { beforeAll, describe, expect, test } from 'vitest'
import { SENSE } from '../../../../protocol/index.ts'
import type { LockOperation, VolumeMode } from '../../../../src/host/vmfs/locking/operations.ts'
import type { LockingSettings } from '../../../../src/host/vmfs/locking/settings.ts'
import type { SeenCommand } from '../../../../src/index.ts'
import type { LunInput } from '../../../target/array.ts'
import { type WireHost, WireVolume } from './wire.ts'

const TIMEOUT_MS = 60_000
const PATIENCE_MS = 30_000

/** What a way of changing a sector sends, besides what it reads. */
const SENT = {
  reservation: ['RESERVE(6)', 'WRITE', 'RELEASE(6)'],
  ATS: ['COMPARE AND WRITE'],
  'plain write': ['WRITE'],
  'ATS, then reservation': ['COMPARE AND WRITE', 'RESERVE(6)', 'WRITE', 'RELEASE(6)'],
  'ATS, then plain write': ['COMPARE AND WRITE', 'WRITE'],
} as const
type Way = keyof typeof SENT

const OPERATIONS = [
  ...(['acquire lock', 'upgrade optimistic lock', 'unlock shared lock', 'acquire heartbeat'] as const),
  ...(['maintain heartbeat', 'clear heartbeat', 'replay heartbeat', 'reclaim heartbeat'] as const),
  'acquire lock of dead owner' as const,
]

interface Column {
  readonly mode: VolumeMode
  readonly settings?: Partial<LockingSettings>
  readonly lun?: LunInput
  /** The array gives every COMPARE AND WRITE up. */
  readonly aborts?: true
  /** Of the operations in their order. */
  readonly ways: readonly Way[]
}

const R = 'reservation'
const A = 'ATS'
const W = 'plain write'
const AR = 'ATS, then reservation'
const AW = 'ATS, then plain write'

// biome-ignore format: the rows are the columns of the notes' table, operations 1 to 9
const COLUMNS: Readonly<Record<string, Column>> = {
  'VMFS3, no VAAI': { mode: 'VMFS3', ways: [R, R, R, R, W, R, R, R, R] },
  'VMFS3 on a VAAI array': { mode: 'VMFS3 with VAAI', ways: [A, A, R, R, W, R, R, R, R] },
  'ATS-only': { mode: 'ATS-only', ways: [A, A, A, A, A, A, A, A, A] },
  'ATS+SCSI': { mode: 'ATS+SCSI', ways: [A, A, A, A, A, A, A, A, A] },
  'ATS-only, UseATSForHBOnVMFS5 0': { mode: 'ATS-only', settings: { heartbeatByAts: false }, ways: [A, A, A, A, W, A, A, A, A] },
  'ATS+SCSI, UseATSForHBOnVMFS5 0': { mode: 'ATS+SCSI', settings: { heartbeatByAts: false }, ways: [A, A, A, A, W, A, A, A, A] },
  'ATS+SCSI, HardwareAcceleratedLocking 0': { mode: 'ATS+SCSI', settings: { acceleratedLocking: false }, ways: [R, R, R, R, W, R, R, R, R] },
  'ATS+SCSI, 89h an illegal opcode': { mode: 'ATS+SCSI', lun: { vaai: { ats: false } }, ways: [AR, AR, AR, AR, AW, AR, AR, AR, AR] },
  'ATS+SCSI, 89h given up by the array': { mode: 'ATS+SCSI', aborts: true, ways: [AR, AR, AR, AR, AW, AR, AR, AR, AR] },
}

const SLOTS = { from: (20 * 2 ** 20) / 512, to: (21 * 2 ** 20) / 512 }

const isSlotWrite = ({ command, lba }: SeenCommand): boolean =>
  /WRITE/.test(command) && lba >= SLOTS.from && lba < SLOTS.to

interface Subject {
  readonly volume: WireVolume
  readonly host: () => Promise<WireHost>
}

/** Does one operation; `sent` of what comes back tells what it sent, and what others beside it. */
const DRIVES: Readonly<Record<LockOperation, (subject: Subject) => Promise<WireHost>>> = {
  async 'acquire lock'({ host: open }) {
    const host = await open()
    host.begin()
    expect(await host.engine.lock(host.lockOffset, 'exclusive', 0)).toBe(true)
    return host
  },
  async 'upgrade optimistic lock'({ host: open }) {
    const host = await open()
    const image = await host.lockImage()
    host.begin()
    expect(await host.engine.upgrade({ offset: host.lockOffset, image })).toBe(true)
    return host
  },
  async 'unlock shared lock'({ host: open }) {
    const host = await open()
    expect(await host.engine.lock(host.lockOffset, 'readOnly', 0)).toBe(true)
    host.begin()
    await host.engine.unlock(host.lockOffset)
    return host
  },
  async 'acquire heartbeat'({ host: open }) {
    return await open()
  },
  async 'maintain heartbeat'({ host: open }) {
    const host = await open()
    host.begin()
    const beaten = new Promise<void>((resolve) => {
      host.onCommand = ({ answer }) => {
        if (answer !== 'done') return
        void host.engine.rest().then(resolve)
      }
    })
    host.engine.start()
    await beaten
    return host
  },
  async 'clear heartbeat'({ host: open }) {
    const host = await open()
    host.begin()
    expect(await host.engine.stop()).toBe(true)
    return host
  },
  'replay heartbeat': inherit,
  async 'reclaim heartbeat'({ volume, host: open }) {
    const host = await open()
    const usual = volume.injector
    const lost = new Promise<void>((resolve) => {
      host.onEvent = ({ kind }) => {
        if (kind !== 'lost access') return
        volume.injector = usual
        host.begin()
        resolve()
      }
    })
    volume.injector = (seen) => (isSlotWrite(seen) ? { delayMs: 3_600_000 } : usual(seen))
    const restored = new Promise<void>((resolve) => {
      host.onCommand = () => {}
      void lost.then(() => {
        host.onEvent = ({ kind }) => {
          if (kind === 'restored') void host.engine.rest().then(resolve)
        }
      })
    })
    host.engine.start()
    await restored
    return host
  },
  'acquire lock of dead owner': inherit,
}

/** A host that never beats holds the lock, and another one wants it. */
async function inherit({ host: open }: Subject): Promise<WireHost> {
  const dead = await open()
  expect(await dead.engine.lock(dead.lockOffset, 'exclusive', 0)).toBe(true)
  const heir = await open()
  heir.begin()
  expect(await heir.engine.lock(heir.lockOffset, 'exclusive', PATIENCE_MS)).toBe(true)
  return heir
}

/** What an operation does not go without. */
const BESIDE: Partial<Record<LockOperation, readonly LockOperation[]>> = {
  'replay heartbeat': ['acquire lock', 'clear heartbeat', 'acquire lock of dead owner'],
  'acquire lock of dead owner': ['acquire lock', 'replay heartbeat', 'clear heartbeat'],
}

describe.each(Object.entries(COLUMNS))('%s', (_, { mode, settings, lun, aborts, ways }) => {
  let volume: WireVolume
  beforeAll(async () => {
    volume = await WireVolume.open(lun)
    return () => volume.array.close()
  })

  test.each(OPERATIONS.map((operation, at) => [operation, ways[at]!] as const))(
    '%s: %s',
    async (operation, way) => {
      volume.injector = ({ command }) =>
        aborts && command === 'COMPARE AND WRITE'
          ? { refuse: { sense: SENSE.INTERNAL_TARGET_FAILURE_COMMAND_ABORTED } }
          : undefined
      const host = await DRIVES[operation]({ volume, host: () => volume.host({ mode, ...settings }) })
      const sent = host.sent()
      expect(sent[operation]).toEqual(SENT[way])
      expect(Object.keys(sent).sort()).toEqual([operation, ...(BESIDE[operation] ?? [])].sort())
      await host.engine.unlock(host.lockOffset)
      await host.engine.stop()
    },
    TIMEOUT_MS,
  )
})
