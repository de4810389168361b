// The command line itself: help, version, completion, wrong usage.

import { beforeAll, describe, expect, test } from 'vitest'
import { run } from '../../src/cli/program.ts'
import { LUNETTE } from '../../src/cli/registry.ts'
import { lunette, requireBuild } from './lunette.ts'

beforeAll(requireBuild)

const PACKAGE = await import('../../package.json', { with: { type: 'json' } })

describe('help', () => {
  test.each([
    [[], ['lunette serve', 'lunette config', 'lunette completion', 'lunette serve --config lunette.yaml']],
    [['serve'], ['--config', '--portal', '--data', '--ready-file', '--log-level', '--json', 'lunette serve --portal']],
    [['config'], ['lunette config check <file>', 'lunette config check lunette.yaml']],
    [
      ['config', 'check'],
      ['--json', 'lunette config check lunette.yaml --json'],
    ],
  ])('%j: options and examples on stdout, exit 0', async (words, contents) => {
    const { code, stdout, stderr } = await lunette([...words, '--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('Examples:')
    for (const each of contents) expect(stdout).toContain(each)
  })

  test('is English whatever the locale', async () => {
    const { stdout } = await lunette(['--help'], { env: { LC_ALL: 'de_DE.UTF-8', LANG: 'de_DE.UTF-8' } })
    expect(stdout).toContain('Commands:')
  })
})

test('--version is that of the package', async () => {
  expect(await lunette(['--version'])).toMatchObject({ code: 0, stdout: `${PACKAGE.default.version}\n`, stderr: '' })
})

describe('completion', () => {
  test('prints a script', async () => {
    const { code, stdout } = await lunette(['completion'])
    expect(code).toBe(0)
    expect(stdout).toContain('complete -o bashdefault -o default -F _lunette_yargs_completions lunette')
  })
  test.each([
    [
      ['lunette', ''],
      ['serve', 'config', 'completion'],
    ],
    [['lunette', 'config', ''], ['check']],
    [['lunette', 'serve', '--r'], ['--ready-file']],
    [
      ['lunette', 'serve', '--log-level', ''],
      ['info', 'silent'],
    ],
  ])('of %j', async (words, expected) => {
    const { stdout } = await lunette(['--get-yargs-completions', ...words], { env: { SHELL: '/bin/bash' } })
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(expected))
  })
})

/** In this process: a parser needs no other. */
async function usage(words: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const printed = { stdout: '', stderr: '' }
  const write = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      printed[name] += text
    },
  })
  const terminal = { stdout: write('stdout'), stderr: write('stderr'), env: {}, version: '9.9.9' }
  return { code: await run(LUNETTE, words, terminal), ...printed }
}

test('wrong usage ends the process with 2', async () => {
  const stderr = 'lunette: Unknown command srve, did you mean serve? See lunette --help\n'
  expect(await lunette(['srve'])).toEqual({ code: 2, signal: null, stdout: '', stderr })
})

describe('wrong usage: one sentence, where to look, exit 2', () => {
  test.each([
    [[], 'Name a command: serve, config, ats; see lunette --help'],
    [['srve'], 'Unknown command srve, did you mean serve? See lunette --help'],
    [['frobnicate'], 'Unknown command frobnicate; see lunette --help'],
    [['--frobnicate'], 'Name a command: serve, config, ats; see lunette --help'],
    [['config'], 'Name a command: check; see lunette config --help'],
    [['config', 'chek', 'x'], 'Unknown command chek, did you mean check? See lunette config --help'],
    [['config', 'check'], 'Missing FILE; see lunette config check --help'],
    [['config', 'check', 'a', 'b'], 'Unknown argument b; see lunette config check --help'],
    [['config', 'check', 'a', '--jsn'], 'Unknown argument jsn, did you mean --json? See lunette config check --help'],
    [['serve', 'now'], 'Unknown argument now; see lunette serve --help'],
    [['serve', '--porta', 'x'], 'Unknown argument porta, did you mean --portal? See lunette serve --help'],
    [['serve', '--no-json'], 'Unknown argument no-json; see lunette serve --help'],
    [['serve', '--config'], '--config needs a value; see lunette serve --help'],
    [['serve', '--config='], '--config needs a value; see lunette serve --help'],
    [['serve', '--data', ''], '--data needs a value; see lunette serve --help'],
    [['serve', '--portal'], '--portal needs a value; see lunette serve --help'],
    [['serve', '--data', 'a', '--data', 'b'], 'Give --data once; see lunette serve --help'],
    [
      ['serve', '--portal', '127.0.0.1'],
      '--portal: found "127.0.0.1"; allowed: HOST:PORT or [IPV6]:PORT with a port from 0 to 65535; see lunette serve --help',
    ],
    [
      ['serve', '--portal', 'localhost:1', '--portal', 'localhost:1'],
      '--portal: localhost:1 is given twice; see lunette serve --help',
    ],
    [
      ['serve', '--log-level', 'loud'],
      '--log-level: found "loud"; allowed: trace, debug, info, warn, error, fatal, silent; see lunette serve --help',
    ],
  ])('%j', async (words, message) => {
    expect(await usage(words)).toEqual({ code: 2, stdout: '', stderr: `lunette: ${message}\n` })
  })
})
