// Seeded fuzzing (conformance/fuzz, npm run fuzz) as far as every run of the tests has time for it: an array in a process of
// its own beside an honest session, and one in this process, whose every buffer is counted. LUNETTE_FUZZ_SEED asks for
// another seed; LUNETTE_FUZZ_PDUS makes it longer.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { type Counts, fuzzConnection } from '../../conformance/fuzz/connection.ts'
import { fuzz } from '../../conformance/fuzz/fuzz.ts'
import { Random } from '../../conformance/fuzz/random.ts'
import type { World } from '../../conformance/fuzz/world.ts'
import { TARGET_OPCODE } from '../../protocol/index.ts'
import { requireBuild } from '../cli/lunette.ts'
import { SIZE } from './array.ts'
import { errorLog } from './fuzz/error-log.ts'
import { HeldStore, handBuilt } from './hand-built.ts'

/** The same in every run of the tests: what fails is news of the change, and can be sent again. */
const SEED = Number(process.env.LUNETTE_FUZZ_SEED ?? 1)
const PDUS = Number(process.env.LUNETTE_FUZZ_PDUS ?? 50_000)

describe('fuzz', () => {
  test(`seed ${SEED}: ${PDUS} PDUs neither stop the array nor touch an honest session, and memory comes back`, async () => {
    requireBuild()
    const directory = await mkdtemp(join(tmpdir(), 'lunette-fuzz-'))
    const recordingFile = join(directory, 'recording.jsonl')
    const signal = new AbortController().signal
    const options = { seed: SEED, minutes: 60, pdus: PDUS, connections: 8, signal, recordingFile, progress: () => {} }
    const { complaints, honest, counts } = await fuzz(options)
    expect(complaints, `what was sent: ${recordingFile}`).toEqual([])
    await rm(directory, { recursive: true })
    expect(honest.commands).toBeGreaterThan(100)
    // The array was not spared by dropping nearly everything: commands were carried out, data moved both ways.
    const { pdus, answers } = counts
    expect(answers.get(TARGET_OPCODE.SCSI_RESPONSE)).toBeGreaterThan(pdus / 20)
    for (const opcode of [TARGET_OPCODE.DATA_IN, TARGET_OPCODE.R2T, TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE])
      expect(answers.get(opcode), `${opcode}`).toBeGreaterThan(pdus / 1000)
  }, 300_000)

  test(`seed ${SEED}: ${PDUS / 5} PDUs to an array in this process leave no buffer lent, no session, no task`, async () => {
    const { log, errors } = errorLog()
    const built = await handBuilt([new HeldStore(), new HeldStore()], {}, {}, undefined, { log })
    const world = worldOf(built.target.iqn)
    const counts: Counts = { pdus: 0, connections: 0, logins: 0, answers: new Map() }
    let index = 0
    const worker = async (): Promise<void> => {
      while (counts.pdus < PDUS / 5) {
        const options = { index, port: built.port, record: () => {} }
        expect(await fuzzConnection(options, new Random(SEED, index++), world, counts)).toBeUndefined()
      }
    }
    await Promise.all([worker(), worker(), worker(), worker()])
    const lives = (): boolean => built.host.pool.used > 0 || built.target.sessions.size > 0
    for (let tries = 0; tries < 400 && lives(); tries++) {
      // At ErrorRecoveryLevel 2 a session waits for its initiator, which does not come back.
      if ([...built.target.sessions].every(({ isAbandoned }) => isAbandoned)) built.host.tick()
      await delay(5)
    }
    expect({ lent: built.host.pool.used, sessions: built.target.sessions.size }).toEqual({ lent: 0, sessions: 0 })
    for (const { tasks, unitAttentions } of built.units)
      expect({ tasks: tasks.all(), pending: unitAttentions.pending }).toEqual({ tasks: [], pending: 0 })
    expect(errors()).toEqual([])
  }, 120_000)
})

function worldOf(targetName: string): World {
  const units = [0, 1].map((lun) => ({ lun, blockSize: 512, blocks: SIZE / 512, naa: naa(lun) }))
  const initiatorNames = ['a', 'b', 'c'].map((name) => `iqn.2026-11.io.lunette:fuzz-${name}`)
  return { targetName, initiatorNames, units, foreignNaa: naa(99), portGroups: [1], sessions: [], tokens: [] }
}

const naa = (id: number): Buffer => Buffer.from(`6024c55${String(id).padStart(25, '0')}`, 'hex')
