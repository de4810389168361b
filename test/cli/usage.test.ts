// The command line itself: help, version, completion, wrong usage.

import { beforeAll, describe, expect, test } from 'vitest'
import { LUNETTE } from '../../src/cli/registry.ts'
import { lunette, requireBuild } from './lunette.ts'
import { runHere } from './terminal.ts'

beforeAll(requireBuild)

const PACKAGE = await import('../../package.json', { with: { type: 'json' } })

describe('help', () => {
  test.each([
    [
      [],
      [
        'lunette serve',
        'lunette config',
        'lunette discover',
        'lunette vaai',
        'lunette completion',
        'lunette serve --config lunette.yaml',
      ],
    ],
    [['serve'], ['--config', '--portal', '--data', '--ready-file', '--log-level', '--json', 'lunette serve --portal']],
    [['config'], ['lunette config check <file>', 'lunette config check lunette.yaml']],
    [
      ['config', 'check'],
      ['--json', 'lunette config check lunette.yaml --json'],
    ],
    [['vpd'], ['--page', '--hex', '--json', '--initiator', '--secret-file', 'lunette vpd iscsi://... --page 0x83']],
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
      ['serve', 'config', 'discover', 'inquiry', 'vpd', 'capacity', 'opcodes', 'vaai', 'completion'],
    ],
    [['lunette', 'vaai', ''], ['status']],
    [['lunette', 'opcodes', '--o'], ['--opcode']],
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

test('wrong usage ends the process with 2', async () => {
  const stderr = 'lunette: Unknown command srve, did you mean serve? See lunette --help\n'
  expect(await lunette(['srve'])).toEqual({ code: 2, signal: null, stdout: '', stderr })
})

const COMMANDS = LUNETTE.commands.map(({ name }) => name).join(', ')
const URL = 'iscsi://127.0.0.1/iqn.2026-11.io.lunette:a/0'
const FORM = 'iscsi://[USER%SECRET@]HOST[:PORT]/TARGET-NAME/LUN'

describe('wrong usage: one sentence, where to look, exit 2', () => {
  test.each([
    [[], `Name a command: ${COMMANDS}; see lunette --help`],
    [['srve'], 'Unknown command srve, did you mean serve? See lunette --help'],
    [['frobnicate'], 'Unknown command frobnicate; see lunette --help'],
    [['--frobnicate'], `Name a command: ${COMMANDS}; see lunette --help`],
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
    [['inquiry'], 'Missing URL; see lunette inquiry --help'],
    [['inquiry', 'disk0'], `"disk0" is not of the form ${FORM}; see lunette inquiry --help`],
    [
      ['capacity', 'iscsi://a%b@c/d/0'],
      '"iscsi://…@c/d/0": "d" is no iSCSI name (iqn., eui. or naa.); see lunette capacity --help',
    ],
    [['vaai', 'status', `${URL}/x`], `"${URL}/x" is not of the form ${FORM}; see lunette vaai status --help`],
    [['vaai'], 'Name a command: status; see lunette vaai --help'],
    [['discover'], 'Missing PORTAL; see lunette discover --help'],
    [
      ['discover', '127.0.0.1:0'],
      'PORTAL: found "127.0.0.1:0"; allowed: HOST[:PORT] or [IPV6][:PORT]; see lunette discover --help',
    ],
    [['discover', 'a b'], 'PORTAL: found "a b"; allowed: HOST[:PORT] or [IPV6][:PORT]; see lunette discover --help'],
    [
      ['inquiry', URL, '--timeout', 'soon'],
      '--timeout: found NaN; allowed: seconds, more than 0 and at most 3600; see lunette inquiry --help',
    ],
    [
      ['inquiry', URL, '--initiator', 'me'],
      '--initiator: found "me"; allowed: an iSCSI name (iqn., eui. or naa.); see lunette inquiry --help',
    ],
    [
      ['opcodes', URL, '--opcode', '0x100'],
      '--opcode: found "0x100"; allowed: 0x00 to 0xff, or with a service action as 0x9e,0x10; see lunette opcodes --help',
    ],
    [
      ['opcodes', URL, '--opcode', '9eh,'],
      '--opcode: found "9eh,"; allowed: 0x00 to 0xff, or with a service action as 0x9e,0x10; see lunette opcodes --help',
    ],
    [
      ['inquiry', URL, '--user', 'bob'],
      '--user needs a secret: give --secret-file or --secret-env; see lunette inquiry --help',
    ],
    [
      ['inquiry', URL, '--user', 'u'.repeat(300), '--secret', 'x'],
      'A CHAP user of 300 bytes; allowed: 1 to 255, none of them zero; see lunette inquiry --help',
    ],
    [['inquiry', URL, '--secret', 'x'], 'A secret without a user: give --user too; see lunette inquiry --help'],
    [
      ['inquiry', URL, '--user', 'bob', '--secret', 'x', '--secret-env', 'Y'],
      'Give one secret for --user; see lunette inquiry --help',
    ],
    [
      ['inquiry', 'iscsi://bob%geheim@127.0.0.1/iqn.2026-11.io.lunette:a/0', '--user', 'eve', '--secret', 'x'],
      'Give the CHAP user in the URL or with --user, not both; see lunette inquiry --help',
    ],
    [
      ['inquiry', URL, '--mutual-user', 'array', '--mutual-secret-env', 'PATH'],
      'The target can prove itself only to a CHAP user: give --user too; see lunette inquiry --help',
    ],
  ])('%j', async (words, message) => {
    expect(await runHere(words)).toEqual({ code: 2, stdout: '', stderr: `lunette: ${message}\n` })
  })
})
