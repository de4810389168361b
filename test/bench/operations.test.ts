import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  chunkOf,
  openLoopback,
  readAnswerBytes,
  readCommand,
  WRITE_ANSWER_BYTES,
  writeCommand,
} from '../../bench/loopback.ts'
import { openOperations } from '../../bench/operations.ts'

test('every operation of the micro benchmark can be repeated', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lunette-operations-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const operations = await openOperations(join(directory, 'image'))
  onTestFinished(() => operations.close())
  for (const { run } of operations.all) for (let i = 0; i < 3; i++) expect(run).not.toThrow()
  const lines = operations.all.map(({ group, name }) => `${group}: ${name}`)
  expect(new Set(lines).size).toBe(lines.length)
})

test('the loopback answers what is measured, not errors', async () => {
  const loopback = await openLoopback({ type: 'memory' })
  onTestFinished(() => loopback.close())
  expect(loopback.exchange(chunkOf([readCommand(0, 8, 1), readCommand(8, 8, 2)]))).toBe(2 * readAnswerBytes(4096))
  expect(loopback.exchange(chunkOf([writeCommand(0, Buffer.alloc(4096))]))).toBe(WRITE_ANSWER_BYTES)
  const beyondTheEnd = readCommand(0xffff_ffff, 8)
  expect(loopback.exchange(chunkOf([beyondTheEnd]))).not.toBe(readAnswerBytes(4096))
})
