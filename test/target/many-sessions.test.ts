// Many sessions on one array: half of them vanish, with and without a word, and nothing is left of them; the others do not
// notice. One session that is reinstated over and over under load.

import { describe, expect, test } from 'vitest'
import {
  PREVENT_ALLOW_MEDIUM_REMOVAL,
  READ_16,
  RESERVE_6,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_16,
  WRITE_BUFFER,
} from '../../protocol/index.ts'
import type { InitiatorSession } from '../../src/host/index.ts'
import type { Nexus } from '../../src/target/nexus.ts'
import { MIB } from './array.ts'
import { copyList, cscd, naaOf, segment, sendCopy } from './commands/copy-list.ts'
import { populateList, sendPopulate } from './commands/token-list.ts'
import { type Disk, expectGood, pattern } from './disk.ts'
import { stillHeld } from './garbage.ts'
import { type HandBuilt, HeldStore, handBuilt } from './hand-built.ts'
import type { RawInitiator } from './raw.ts'

const SESSIONS = 1000
const BATCH = 50
const ECHO = 0x0a

/** One after another in batches: the machine may be small. */
async function inBatches<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = []
  for (let at = 0; at < count; at += BATCH)
    made.push(...(await Promise.all(Array.from({ length: Math.min(BATCH, count - at) }, (_, i) => make(at + i)))))
  return made
}

/** Does what a logical unit remembers of a nexus: a unit attention, an echo buffer, a copy, a token, a prevention. */
async function leaveTraces(disk: Disk): Promise<void> {
  expectGood(await disk.run(WRITE_BUFFER, { mode: ECHO, parameterListLength: 64 }, { dataOut: pattern(64, 1) }))
  const naa = cscd(await naaOf(disk))
  expectGood(await sendCopy(disk, copyList([naa], [segment(0, 64, 8)], { listId: 7, listIdUsage: 0 })))
  expectGood(await sendPopulate(disk, populateList([[0, 8]])))
  expectGood(await disk.run(PREVENT_ALLOW_MEDIUM_REMOVAL, { prevent: 1 }))
}

const nexusesOf = ({ target }: HandBuilt): Map<string, WeakRef<Nexus>> =>
  new Map([...target.sessions].map(({ nexus }) => [nexus.initiatorPort, new WeakRef(nexus)]))

/** Seconds in which those that live answer the pings of the target. */
async function pass(seconds: number, { host }: HandBuilt, living: readonly Disk[]): Promise<void> {
  for (let second = 1; second <= seconds; second++) {
    host.tick()
    if (second % 10 === 0) await inBatches(living.length, (index) => living[index]!.session.nop())
  }
}

describe(`${SESSIONS} sessions`, () => {
  test('half of them vanish: the others do not notice, and nothing of those that are gone is left', async () => {
    const built = await handBuilt([new HeldStore(MIB)], { removable: true })
    const staying = await inBatches(SESSIONS / 2, () => built.disk())
    const before = nexusesOf(built)
    const going = await inBatches(SESSIONS / 4, () => built.disk())
    const silent = await inBatches(SESSIONS / 4, () => vanishing(built))
    expect(built.target.sessions.size).toBe(SESSIONS)
    for (const disk of [...going.slice(0, 20), ...staying.slice(0, 5)]) await leaveTraces(disk)
    const gone = [...nexusesOf(built)].filter(([port]) => !before.has(port)).map(([, nexus]) => nexus)
    expect(gone).toHaveLength(SESSIONS / 2)

    const writes = inBatches(staying.length, (index) => staying[index]!.write(128 + index, pattern(512, index)))
    for (const { session } of going) session.destroy()
    await writes
    await pass(76, built, staying)
    await Promise.all(silent.map((raw) => raw.closed))

    while (built.target.sessions.size > staying.length) await new Promise((resolve) => setTimeout(resolve, 1))
    expect([...built.units[0]!.unitAttentions.nexuses]).toHaveLength(staying.length)
    expect(await stillHeld(gone)).toBe(0)
    await inBatches(staying.length, async (index) => {
      const found = await staying[index]!.read(128 + index, 1)
      expect(found.equals(pattern(512, index)), `session ${index}`).toBe(true)
    })

    const rest = [...nexusesOf(built).values()]
    for (const { session } of staying) session.destroy()
    while (built.target.sessions.size > 0) await new Promise((resolve) => setTimeout(resolve, 1))
    expect(await stillHeld(rest)).toBe(0)
    expect(built.units[0]!.medium.prevented).toBe(false)
    expect(built.host.pool.used).toBe(0)
  }, 120_000)
})

/** Logged in, a command under way, and from then on it neither reads nor says anything. */
async function vanishing(built: HandBuilt): Promise<RawInitiator> {
  const raw = await built.raw()
  await raw.login(built.target.iqn, { ImmediateData: 'No', InitialR2T: 'Yes' })
  raw.command(TEST_UNIT_READY.encode({}))
  await raw.response()
  raw.command(WRITE_16.encode({ blocks: 1 }), { write: true, expectedDataTransferLength: 512 })
  await raw.take(TARGET_OPCODE.R2T)
  return raw
}

describe('reinstatement of one session', () => {
  test('1,000 times under load: every login succeeds, and nothing of the sessions before is left', async () => {
    const built = await handBuilt([new HeldStore(MIB)])
    const isid = Buffer.from('8000000a11ce', 'hex')
    const data = pattern(16 * 512, 1)
    const other = await built.disk()
    const passed: WeakRef<Nexus>[] = []
    let session: InitiatorSession = await built.connect({ isid })
    for (let round = 0; round < 1000; round++) {
      const [newest] = [...built.target.sessions].slice(-1)
      passed.push(new WeakRef(newest!.nexus))
      for (let i = 0; i < 4; i++) {
        const lba = BigInt(16 * i)
        const write = { cdb: WRITE_16.encode({ lba, blocks: 16 }), dataOut: data }
        const read = { cdb: READ_16.encode({ lba, blocks: 16 }), dataInLength: data.length }
        session.execute({ lun: 0, ...(i % 2 ? read : write) }).catch(() => {})
      }
      session.execute({ lun: 0, cdb: RESERVE_6.encode({}) }).catch(() => {})
      session = await built.connect({ isid })
      if (round % 50 === 0) await other.session.nop()
    }
    await session.nop()
    expect(built.target.sessions.size).toBe(2)
    expect(await stillHeld(passed)).toBe(0)
    await other.write(512, data)
    expect((await other.read(512, 16)).equals(data)).toBe(true)
    await session.logout()
    await other.session.logout()
    await built.close()
    expect(built.host.pool.used).toBe(0)
  }, 120_000)
})
