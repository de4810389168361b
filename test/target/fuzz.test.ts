// 100,000 PDUs of seeded nonsense against an array in its own process, before and after login, while an honest session on
// another target of it writes and verifies. LUNETTE_FUZZ_SEED asks for another seed; LUNETTE_FUZZ_PDUS makes it longer.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { READ_16, STATUS, TARGET_OPCODE, TEST_UNIT_READY, WRITE_16 } from '../../protocol/index.ts'
import { connect, type InitiatorSession } from '../../src/host/index.ts'
import { type Started, start } from '../cli/lunette.ts'
import { Generator, Random } from './fuzz/generate.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { RawInitiator } from './raw.ts'

/** The same in every run of the tests: what fails is news of the change, and can be sent again. */
const SEED = Number(process.env.LUNETTE_FUZZ_SEED ?? 1)
const PDUS = Number(process.env.LUNETTE_FUZZ_PDUS ?? 100_000)
const PDUS_PER_CONNECTION = 250
const PDUS_PER_TURN = 12
const PING_TAG = 0xf000_0000
const FUZZED = 'iqn.2026-11.io.lunette:fuzzed'
const HONEST = 'iqn.2026-11.io.lunette:honest'
const BLOCK = 512

/** What the array has answered in full feature phase, by operation code. */
const answers: Record<number, number> = {}

let directory: string
let array: Started
let port: number

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lunette-fuzz-'))
  const config = {
    data: directory,
    portals: ['127.0.0.1:0'],
    targets: [
      {
        iqn: FUZZED,
        luns: [
          { id: 0, size: '4MiB', store: { type: 'memory' } },
          { id: 1, size: '4MiB' },
        ],
      },
      { iqn: HONEST, luns: [{ id: 0, size: '16MiB' }] },
    ],
  }
  const file = join(directory, 'array.yaml')
  const ready = join(directory, 'ready.json')
  writeFileSync(file, JSON.stringify(config))
  array = start(['serve', '--config', file, '--ready-file', ready, '--log-level', 'error'])
  for (let waited = 0; !existsSync(ready) && waited < 10_000; waited += 20) await setTimeout(20)
  port = Number(JSON.parse(readFileSync(ready, 'utf8')).portals[0].split(':')[1])
  return async () => {
    array.process.kill('SIGTERM')
    expect(await array.ended).toMatchObject({ code: 0, stderr: '' })
    await rm(directory, { recursive: true, force: true })
  }
})

/** Resident memory of the array. */
function residentBytes(): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(
    readFileSync(`/proc/${array.process.pid}/status`, 'utf8'),
  ) as RegExpExecArray
  return Number(kib) * 1024
}

/** Writes a block that says what it is, reads one that was written before, until told to stop; how often it did. */
async function verifyAll(session: InitiatorSession, stopped: () => boolean): Promise<number> {
  const written = new Map<bigint, number>()
  const random = new Random(1)
  let round = 0
  for (; !stopped(); round++) {
    const lba = BigInt(random.below(16 * 2048))
    const data = Buffer.alloc(BLOCK, `${lba} ${round} `)
    const write = await session.execute({ lun: 0, cdb: WRITE_16.encode({ lba, blocks: 1 }), dataOut: data })
    expect(write.status).toBe(STATUS.GOOD)
    written.set(lba, round)
    const again = random.pick([...written.keys()].slice(-200))
    const read = await session.execute({ lun: 0, cdb: READ_16.encode({ lba: again, blocks: 1 }), dataInLength: BLOCK })
    expect(read.data.equals(Buffer.alloc(BLOCK, `${again} ${written.get(again)} `))).toBe(true)
  }
  return round
}

/** Waits until the target has taken what was sent, and goes on from there: else a wrong number would end all of it. */
async function catchUp(raw: RawInitiator, generator: Generator | undefined): Promise<void> {
  await setTimeout(0)
  if (!generator) return
  raw.sendBytes(generator.ping(PING_TAG))
  for (let tries = 0; tries < 10 && !raw.isClosed; tries++) {
    for (const { header } of raw.received.splice(0)) {
      answers[header.opcode] = (answers[header.opcode] ?? 0) + 1
      generator.follow(header)
      if (header.opcode === TARGET_OPCODE.NOP_IN && header.initiatorTaskTag === PING_TAG) return
    }
    await setTimeout(1)
  }
}

/** One connection's worth; how many PDUs were sent. */
async function fuzzConnection(random: Random, loggedIn: boolean, at = port, target = FUZZED): Promise<number> {
  const raw = await RawInitiator.open(at)
  const generator = new Generator(random)
  let sent = 0
  try {
    if (loggedIn)
      await raw.login(target, random.chance(0.2) ? { InitialR2T: 'Yes', ImmediateData: 'No' } : { InitialR2T: 'No' })
    const count = loggedIn ? PDUS_PER_CONNECTION : 1 + random.below(10)
    for (; sent < count && !raw.isClosed; sent++) {
      raw.sendBytes(loggedIn ? generator.pdu() : generator.beforeLogin())
      if (sent % PDUS_PER_TURN === PDUS_PER_TURN - 1) await catchUp(raw, loggedIn ? generator : undefined)
    }
    if (random.chance(0.5)) await setTimeout(1) // else it vanishes with everything under way
  } finally {
    raw.destroy()
  }
  return sent
}

describe('fuzz', () => {
  test(`seed ${SEED}: ${PDUS} PDUs neither stop the array nor touch an honest session, and memory comes back`, async () => {
    const honest = await connect({ host: '127.0.0.1', port, targetName: HONEST })
    while ((await honest.execute({ lun: 0, cdb: TEST_UNIT_READY.encode({}) })).status !== STATUS.GOOD);
    let stop = false
    const verifying = verifyAll(honest, () => stop)
    verifying.catch(() => {})
    const random = new Random(SEED)
    let sent = 0
    let before = 0
    for (let round = 0; sent < PDUS; round++) {
      const batch = [round % 4 === 0, false, false, false].map((early) => fuzzConnection(random, !early))
      for (const count of await Promise.all(batch)) sent += count
      expect(array.process.exitCode).toBeNull()
      if (before === 0 && sent > PDUS / 5) before = residentBytes() // the code is compiled, the pools are filled
    }
    stop = true
    expect(await verifying).toBeGreaterThan(100)
    // The array was not spared by dropping nearly everything: commands were carried out, data moved both ways.
    expect(answers[TARGET_OPCODE.SCSI_RESPONSE]).toBeGreaterThan(sent / 20)
    for (const opcode of [TARGET_OPCODE.DATA_IN, TARGET_OPCODE.R2T, TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE])
      expect(answers[opcode], `${opcode}`).toBeGreaterThan(sent / 1000)
    expect(array.stderr()).toBe('')
    await honest.logout()
    await setTimeout(200)
    expect(residentBytes()).toBeLessThan(before * 1.25 + 32 * 2 ** 20)
    const fresh = await connect({ host: '127.0.0.1', port, targetName: FUZZED })
    expect((await fresh.execute({ lun: 0, cdb: TEST_UNIT_READY.encode({}) })).status).toBe(STATUS.CHECK_CONDITION)
    expect((await fresh.execute({ lun: 0, cdb: TEST_UNIT_READY.encode({}) })).status).toBe(STATUS.GOOD)
    await fresh.logout()
  }, 240_000)

  test(`seed ${SEED}: ${PDUS / 10} PDUs to an array in this process leave no buffer lent and no session`, async () => {
    const built = await handBuilt([new HeldStore(), new HeldStore()])
    const random = new Random(SEED)
    for (let sent = 0; sent < PDUS / 10; ) {
      const batch = [true, true, true, false].map((loggedIn) =>
        fuzzConnection(random, loggedIn, built.port, built.target.iqn),
      )
      for (const count of await Promise.all(batch)) sent += count
    }
    for (let tries = 0; tries < 200 && (built.host.pool.used > 0 || built.target.sessions.size > 0); tries++)
      await setTimeout(5)
    expect({ lent: built.host.pool.used, sessions: built.target.sessions.size }).toEqual({ lent: 0, sessions: 0 })
    for (const { tasks, unitAttentions, reservations } of built.units)
      expect({ tasks: tasks.all(), pending: unitAttentions.pending, held: reservations.held }).toEqual({
        tasks: [],
        pending: 0,
        held: false,
      })
  }, 120_000)
})
