// npm run fuzz: what its command line refuses, in one line that names the option, with exit code 2.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { requireBuild } from '../cli/lunette.ts'

const FUZZ = fileURLToPath(new URL('../../dist/conformance/fuzz/main.js', import.meta.url))

test.each([
  ['--seed', 'x'],
  ['--seed', '-1'],
  ['--minutes', '-1'],
  ['--minutes', '0'],
  ['--pdus', '-1'],
  ['--connections', '0'],
  ['--replay', '/nowhere/recording.jsonl'],
  ['--nonsense', '1'],
])('%s %s', (option, value) => {
  requireBuild()
  const { status, stderr } = spawnSync(process.execPath, [FUZZ, option, value], { encoding: 'utf8', timeout: 20_000 })
  expect(status).toBe(2)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(stderr).toContain(option.replace(/^--/, ''))
})
