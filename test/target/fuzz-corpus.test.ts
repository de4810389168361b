// The corpus of past failures (fuzz/corpus): streams that once hung, crashed or spoilt an array, sent again. Whatever they get
// for an answer, an honest session beside them keeps its bytes, and of theirs nothing is left.

import { readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { formatBytes, parseBytes, readRecording } from '../../conformance/fuzz/recording.ts'
import { replay } from '../../conformance/fuzz/replay.ts'
import { pattern } from './disk.ts'
import { errorLog } from './fuzz/error-log.ts'
import { HeldStore, handBuilt } from './hand-built.ts'

const FOLDER = fileURLToPath(new URL('fuzz/corpus/', import.meta.url))
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl'))
const HONEST_LUN = 1

describe('a past failure', () => {
  test.each(FILES)('%s', async (file) => {
    const recording = readRecording(`${FOLDER}${file}`)
    const { log, errors } = errorLog()
    const medium = new HeldStore()
    const built = await handBuilt([medium, new HeldStore()], {}, {}, undefined, { log })
    const honest = await built.disk(HONEST_LUN)
    const data = pattern(64 * 512, 1)
    await honest.write(0, data)
    const { missing } = await replay(recording, built.port, medium)
    expect(missing, recording.wrong).toEqual([])
    for (let tries = 0; tries < 400 && built.target.sessions.size > 1; tries++) await delay(5)
    expect(built.target.sessions.size, recording.wrong).toBe(1)
    for (let tries = 0; tries < 400 && built.host.pool.used > 0; tries++) await delay(5)
    expect(built.host.pool.used, recording.wrong).toBe(0)
    expect(built.units[0]!.tasks.all(), recording.wrong).toEqual([])
    expect((await honest.read(0, 64)).equals(data), recording.wrong).toBe(true)
    expect(errors()).toEqual([])
  })
})

describe('bytes of a recording', () => {
  test('are written as hex, runs of one byte as their length, and read back', () => {
    const bytes = Buffer.concat([Buffer.from('0102', 'hex'), Buffer.alloc(512, 0x5a), Buffer.from('ff', 'hex')])
    expect(formatBytes(bytes)).toBe('0102 5a*512 ff')
    expect(parseBytes('0102 5a*512 ff')).toEqual(bytes)
    expect(formatBytes(Buffer.alloc(31))).toBe('00'.repeat(31))
    expect(parseBytes('')).toEqual(Buffer.alloc(0))
  })

  test.each(['xyz', '0', '5a*x', '5a*1 q'])('%s is refused', (text) => {
    expect(() => parseBytes(text)).toThrow(/neither hex nor a run/)
  })
})
