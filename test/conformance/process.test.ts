import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isInstalled, runTool } from '../../conformance/process.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'lunette-process-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const run = (script: string, timeoutMs = 10_000, signal = new AbortController().signal) =>
  runTool(['sh', '-c', script], { outputFile: join(directory, 'output.txt'), timeoutMs, signal })

test('the status and both output streams of a program', async () => {
  expect(await run('echo out; echo err >&2; exit 14')).toMatchObject({
    status: 14,
    timedOut: false,
    output: 'out\nerr\n',
  })
})

test('a program past its time is ended, even one that ignores SIGTERM', async () => {
  expect(await run('exec sleep 60', 100)).toMatchObject({ status: null, timedOut: true })
  const stubborn = await run('trap "" TERM; while :; do sleep 0.1; done', 100)
  expect(stubborn).toMatchObject({ status: null, timedOut: true })
})

test('a program that does not exist ends with 127', async () => {
  const options = { outputFile: join(directory, 'none.txt'), timeoutMs: 1_000, signal: new AbortController().signal }
  expect(await runTool(['lunette-no-such-tool'], options)).toMatchObject({ status: 127, output: '' })
})

test('an interrupt ends the program and the run', async () => {
  const interrupt = new AbortController()
  const running = run('exec sleep 60', 10_000, interrupt.signal)
  setTimeout(() => interrupt.abort(), 100)
  await expect(running).rejects.toThrow()
  await expect(run('exit 0', 1_000, interrupt.signal)).rejects.toThrow()
})

test('a tool is installed when a folder of PATH or /usr/sbin holds it as a program', () => {
  expect(isInstalled('sh')).toBe(true)
  expect(isInstalled('lunette-no-such-tool')).toBe(false)
  expect(isInstalled('no-such-folder/no-such.so')).toBe(false)
})
