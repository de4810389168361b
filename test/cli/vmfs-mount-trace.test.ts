// lunette vmfs mount --trace: what a host sends for its locks and its heartbeat, by operation, as the array has it.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { sharedVolume } from '../host/vmfs/locking/shared-volume.ts'
import { runHere } from './terminal.ts'

interface Line {
  readonly at: string
  readonly host: string
  readonly operation: string
  readonly command: string
  readonly offset: number
  readonly answer: string
  readonly ms: number
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'lunette-mount-trace-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

test('each command by its operation, as the array has had it', async () => {
  const shared = await sharedVolume(5)
  const url = `iscsi://${shared.array.running.portals[0]}/${shared.array.iqn}/0`
  const file = join(directory(), 'trace')
  const mounted = runHere(['vmfs', 'mount', url, '--trace', file])
  const beats = (): boolean => existsSync(file) && readFileSync(file, 'utf8').includes('"maintain heartbeat"')
  while (!beats()) await new Promise((resolve) => setTimeout(resolve, 50))
  process.emit('SIGINT')
  expect(await mounted).toMatchObject({ code: 0, stderr: '' })

  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  const trace = lines.map((line) => JSON.parse(line) as Line)
  const operations = new Set(trace.map(({ operation }) => operation))
  for (const operation of ['acquire heartbeat', 'maintain heartbeat', 'acquire lock', 'clear heartbeat'])
    expect(operations).toContain(operation)
  expect(new Set(trace.map(({ host }) => host)).size).toBe(1)
  for (const { at, offset, ms } of trace) {
    expect(Number.isNaN(Date.parse(at))).toBe(false)
    expect(offset % 512).toBe(0)
    expect(ms).toBeGreaterThanOrEqual(0)
  }
  // Block 0 is replaced by itself to find out whether the array knows the command, on behalf of no operation.
  const changes = trace.filter(({ command }) => command === 'COMPARE AND WRITE')
  expect(changes.filter(({ answer }) => answer === 'done').length).toBe(
    shared.events.filter(
      ({ command, verdict, lba }) => command === 'COMPARE AND WRITE' && verdict === 'accepted' && lba !== 0,
    ).length,
  )
}, 60_000)

test('a trace that cannot be written: told before anything is mounted', async () => {
  const shared = await sharedVolume(5)
  const url = `iscsi://${shared.array.running.portals[0]}/${shared.array.iqn}/0`
  const file = join(directory(), 'none', 'trace')
  const { code, stdout, stderr } = await runHere(['vmfs', 'mount', url, '--trace', file])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toContain(`cannot write the trace ${file}: ENOENT`)
  expect(shared.events).toEqual([])
}, 60_000)
