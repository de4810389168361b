// Where the output goes: a reader that stops early, and a disk that is full.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { requireBuild } from './lunette.ts'

const BINARY = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

beforeAll(requireBuild)

/** Runs `lunette --help` with its output redirected as a shell does it. */
async function helpTo(redirection: string): Promise<{ code: number | null; stderr: string }> {
  const script = `"$0" "$1" --help ${redirection}`
  const child = spawn('sh', ['-c', script, process.execPath, BINARY], { stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  return new Promise((resolve, reject) => child.on('error', reject).on('close', (code) => resolve({ code, stderr })))
}

test('a reader that has gone is no failure', async () => {
  expect(await helpTo('| true')).toEqual({ code: 0, stderr: '' })
})

test.skipIf(!existsSync('/dev/full'))('a disk that is full: one sentence, exit 1', async () => {
  const { code, stderr } = await helpTo('> /dev/full')
  expect(code).toBe(1)
  expect(stderr).toMatch(/^lunette: the output cannot be written \(ENOSPC.*\)\n$/)
})
