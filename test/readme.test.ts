// The README is run: every command block, the configuration, the library lines, and what it says that is printed.

import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { lunette, start } from './cli/lunette.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')
const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const run = promisify(execFile)

/** The text of every fenced block of a language, in order. */
const blocks = (language: string): string[] =>
  [...README.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .filter((match) => match[1] === language)
    .map((match) => match[2] as string)

const commands = blocks('sh')
  .flatMap((block) => block.split('\n').map((line) => line.replace(/\s+#.*/, '').trim()))
  .filter(Boolean)

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'lunette-readme-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Serves what `npm start` serves, on a free port, until the test ends. */
async function serve(): Promise<{ portal: string; printed: string; directory: string }> {
  const directory = await temporary()
  const ready = join(directory, 'ready.json')
  const words = ['serve', '--portal', '127.0.0.1:0', '--data', join(directory, 'lunette-data'), '--ready-file', ready]
  const array = start(words)
  onTestFinished(async () => {
    array.process.kill('SIGTERM')
    expect((await array.ended).code).toBe(0)
  })
  await expect.poll(() => existsSync(ready), { timeout: 10_000 }).toBe(true)
  const { portals } = JSON.parse(readFileSync(ready, 'utf8'))
  await expect.poll(array.stdout, { timeout: 10_000 }).toContain('qemu-img') // written before the file, read when it comes
  return { portal: portals[0], printed: array.stdout(), directory }
}

describe('README', () => {
  test('every npm command is a script of the package', () => {
    const scripts = commands.flatMap((command) =>
      [...command.matchAll(/npm (?:run )?([\w:]+)/g)].map((m) => m[1] as string),
    )
    for (const script of scripts.filter((name) => name !== 'ci')) expect(PACKAGE.scripts).toHaveProperty([script])
    expect(PACKAGE.scripts.start).toContain('dist/src/cli/main.js serve')
  })

  test('every script of the project that it names exists', () => {
    for (const [path] of README.matchAll(/\bconformance\/(?:run|install\.sh)\b/g))
      expect(existsSync(join(ROOT, path))).toBe(true)
    for (const [, folder] of README.matchAll(/^\| ((?:`[\w/]+`(?:, )?)+) \|/gm))
      for (const [, path] of (folder as string).matchAll(/`([\w/]+)`/g))
        expect(existsSync(join(ROOT, path as string))).toBe(true)
    for (const [, path] of README.matchAll(/\]\(([\w.]+)\)/g)) expect(existsSync(join(ROOT, path as string))).toBe(true)
  })

  test('what it prints is what the README shows, and what to type next stands in both', async () => {
    const { portal, printed } = await serve()
    const shown = blocks('').find((block) => block.startsWith('Lunette')) as string
    const same = (text: string): string[] =>
      text
        .replaceAll(portal, '127.0.0.1:3260')
        .split('\n')
        .map((line) =>
          line
            .replace(/\s+/g, ' ')
            .replace(/6024c55[\da-f.]+/, 'NAA')
            .replace(/images and state in .*/, 'images'),
        )
        .filter((line) => line.trim() !== '')
    expect(same(printed)).toEqual(expect.arrayContaining(same(shown)))
    const initiators = commands.filter((command) => /^(iscsi|qemu)/.test(command))
    expect(initiators.length).toBeGreaterThan(3)
    const hints = same(printed).map((line) => line.trim())
    for (const command of initiators) expect(hints).toContain(command)
  }, 20_000)

  test.for(commands.filter((command) => /^(iscsi-|qemu-)/.test(command)))(
    '%s',
    { timeout: 20_000 },
    async (command, { skip }) => {
      const [tool, ...words] = command.split(' ') as [string, ...string[]]
      if (!installed(tool)) {
        const reason = `${tool} is not installed (Debian: ${tool.startsWith('qemu') ? 'qemu-utils, qemu-block-extra' : 'libiscsi-bin'})`
        if (process.env.LUNETTE_REQUIRE_TOOLS === '1') throw new Error(reason)
        skip(reason)
      }
      const { portal } = await serve()
      const { stdout } = await run(
        tool,
        words.map((word) => word.replace('127.0.0.1:3260', portal)),
      )
      expect(stdout).toMatch(/iqn\.2026-11\.io\.lunette:array1|VIRTUAL DISK|10 GiB/)
    },
  )

  test.for(commands.filter((command) => /^lunette (?!vmfs )/.test(command)))(
    '%s',
    { timeout: 20_000 },
    async (command) => {
      const { portal, directory } = await serve()
      const words = command
        .split(' ')
        .slice(1)
        .map((word) => word.replace('127.0.0.1:3260', portal))
      const { code, stdout, stderr } = await lunette(words, { cwd: directory })
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toMatch(/iqn\.2026-11\.io\.lunette:array1|VIRTUAL DISK|Block limits|10 GiB|COMPARE AND WRITE/)
    },
  )

  const documented = [...README.matchAll(/^\| `lunette ([a-z ]+)` \| `\{(.*?)\}`/gm)].map(
    (match) => [match[1], match[2]] as [string, string],
  )
  test.for(documented)('lunette %s --json has the keys that it says', { timeout: 20_000 }, async ([name, shape]) => {
    const { portal } = await serve()
    const where = name === 'discover' ? portal : `iscsi://${portal}/iqn.2026-11.io.lunette:array1/0`
    const { code, stdout } = await lunette([...name.split(' '), where, '--json'])
    expect(code).toBe(0)
    let outermost = shape
    while (/[[{]/.test(outermost)) outermost = outermost.replace(/: *[[{][^[\]{}]*[\]}]|[[{][^[\]{}]*[\]}]/g, '')
    expect(Object.keys(JSON.parse(stdout))).toEqual(outermost.split(',').map((key) => key.trim()))
  })

  test('the walk through a volume, one command after the other', { timeout: 60_000 }, async () => {
    const { portal } = await serve()
    const steps = commands.filter((command) => /^lunette vmfs /.test(command))
    expect(steps.length).toBeGreaterThan(3)
    const printed = new Map<string, string>()
    for (const step of steps) {
      const words = step
        .split(' ')
        .slice(1)
        .map((word) => word.replace('127.0.0.1:3260', portal))
      const { code, stdout, stderr } = words[1] === 'mount' ? await mounted(words) : await lunette(words, { cwd: ROOT })
      expect([step, code, code === 0 ? '' : stderr]).toEqual([step, 0, ''])
      printed.set(words[1] as string, stdout)
    }
    expect(printed.get('format')).toContain('VMFS6 volume "datastore1"')
    expect(printed.get('get')).toBe(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    expect(printed.get('check')).toMatch(/nothing is wrong\n$/)
    expect(printed.get('mount')?.trimEnd().split('\n').length).toBeGreaterThanOrEqual(2)
    expect(printed.get('storm')).toContain('8 hosts')
  })

  test('the three lines of the library', async () => {
    const [snippet] = blocks('js') as [string]
    const file = join(ROOT, `.readme-${process.pid}.mjs`) // inside the package, which can then name itself
    onTestFinished(() => rm(file))
    writeFileSync(file, snippet)
    const { stdout } = await run(process.execPath, [file])
    expect(stdout).toMatch(/^127\.0\.0\.1:\d+\n$/)
  })

  test('the other side of the wire', { timeout: 20_000 }, async () => {
    const { portal } = await serve()
    const [, snippet] = blocks('js') as [string, string]
    const file = join(ROOT, `.readme-host-${process.pid}.mjs`)
    onTestFinished(() => rm(file))
    writeFileSync(file, snippet.replace('127.0.0.1:3260', portal))
    const { stdout } = await run(process.execPath, [file])
    expect(stdout).toBe('block 0 holds mine\n')
  })

  test.for(blocks('yaml').map((block, index) => [index, block] as const))(
    'configuration %i is valid',
    async ([, block]) => {
      const directory = await temporary()
      const file = join(directory, 'array.yaml')
      writeFileSync(file, block)
      writeFileSync(join(directory, 'alice.secret'), 'the secret of alice\n')
      const env = { ARRAY_SECRET: 'the secret of the array' }
      expect(await lunette(['config', 'check', file], { env })).toMatchObject({ code: 0, stderr: '' })
    },
  )
})

/** A command that goes on until it is interrupted: both of its hosts have said that they are there. */
async function mounted(words: readonly string[]) {
  const host = start(words)
  await expect.poll(() => host.stdout().split('\n').length, { timeout: 20_000 }).toBeGreaterThan(2)
  host.process.kill('SIGINT')
  return await host.ended
}

function installed(tool: string): boolean {
  try {
    execFileSync('which', [tool], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
