// New volumes as other people's tools see them: Debian's vmfs-tools and vmfs6-tools (vmfs-format.md, 14).

import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFileDevice } from '../../../src/host/file-device.ts'
import { type FormattedVolume, formatVolume } from '../../../src/host/vmfs/format.ts'

const MIB = 2 ** 20
const GIB = 1024

const PACKAGES = { debugvmfs: 'vmfs-tools', 'fsck.vmfs': 'vmfs-tools', debugvmfs6: 'vmfs6-tools' } as const
type Tool = keyof typeof PACKAGES

const directory = mkdtempSync(join(tmpdir(), 'lunette-format-'))
afterAll(() => rmSync(directory, { recursive: true }))

interface Answer {
  readonly code: number
  readonly text: string
}

/** What the tool prints and ends with; Debian keeps these where only root's PATH leads. */
function run(tool: Tool, words: readonly string[]): Promise<Answer> {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
  return new Promise((resolve) => {
    execFile(tool, words, { env, timeout: 60_000, maxBuffer: 16 * MIB }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, text: stdout + stderr })
    })
  })
}

function isInstalled(tool: Tool): boolean {
  try {
    execFileSync('which', [tool], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } })
    return true
  } catch {
    return false
  }
}

/** Skips with the package's name, or fails where the tools are required. */
function needs(skip: (reason: string) => void, ...tools: Tool[]): void {
  for (const tool of tools) {
    if (isInstalled(tool)) continue
    const reason = `${tool} is not installed (Debian: ${PACKAGES[tool]})`
    if (process.env.LUNETTE_REQUIRE_TOOLS === '1') throw new Error(reason)
    skip(reason)
  }
}

async function format(version: 5 | 6, ...sizes: number[]): Promise<{ volume: FormattedVolume; paths: string[] }> {
  const paths = sizes.map((_, index) => join(directory, `vmfs${version}-${sizes.join('-')}-${index}.img`))
  const devices = await Promise.all(paths.map((path, index) => createFileDevice(path, sizes[index]! * MIB)))
  try {
    return { volume: await formatVolume(devices, { version, label: 'tést' }), paths }
  } finally {
    for (const device of devices) await device.close()
  }
}

const SYSTEM_FILES = ['.fbb.sf', '.fdc.sf', '.pbc.sf', '.sbc.sf', '.vh.sf', '.pb2.sf', '.sdd.sf']

const namesOf = (listing: string) =>
  listing
    .split('\n')
    .filter((line) => /^[-dlrwxtsS]{10}/.test(line))
    .map((line) => line.trim().split(/\s+/).at(-1))

describe.each([
  ['300 MiB', [300]],
  ['2 GiB', [2 * GIB]],
  ['20 GiB', [20 * GIB]],
  ['300 MiB and 600 MiB', [300, 600]],
])('VMFS5 of %s', (_, sizes) => {
  let volume: FormattedVolume
  let paths: string[]
  beforeAll(async () => {
    ;({ volume, paths } = await format(5, ...sizes))
    // A spanned volume is found in whatever order its devices are named.
    paths.reverse()
  })
  const show = (what: string) => run('debugvmfs', [...paths, ...what.split(' ')])

  test('debugvmfs show', async ({ skip }) => {
    needs(skip, 'debugvmfs')
    const { code, text } = await show('show')
    expect(code).toBe(0)
    for (const line of ['Volume Version: 14', 'Version: 81', 'Label: tést', `UUID: ${volume.uuid}`])
      expect(text).toContain(line)
    expect(text).toContain('Block size: 1 MiB')
    expect(text).toContain('Subblock size: 8 KiB')
    expect((await show('show lvm')).text).toContain(`UUID: ${volume.volumeUuid}`)
  })

  test.for([
    ['fbb', 200],
    ['fdc', 32],
    ['pbc', 16],
    ['sbc', 32],
  ] as const)(
    'debugvmfs show %s: %i to a cluster, used and free make the total',
    async ([kind, perCluster], { skip }) => {
      needs(skip, 'debugvmfs')
      const { code, text } = await show(`show ${kind}`)
      expect(code).toBe(0)
      const number = (name: string) => Number(new RegExp(`${name}: (\\d+)`).exec(text)?.[1])
      expect(number('Item per bitmap entry')).toBe(perCluster)
      expect(number('Used items') + number('Free items')).toBe(number('Total items'))
      if (kind === 'fbb')
        expect([number('Total items'), number('Free items')]).toEqual([volume.fileBlocks, volume.freeFileBlocks])
      if (kind === 'fdc') expect(number('Used items')).toBe(SYSTEM_FILES.length + 2)
    },
  )

  test('debugvmfs ls -l / names the system files', async ({ skip }) => {
    needs(skip, 'debugvmfs')
    const { code, text } = await show('ls -l /')
    expect(code).toBe(0)
    expect(namesOf(text)).toEqual(['.', '..', ...SYSTEM_FILES, '.jnl.sf'])
  })

  test('debugvmfs show_heartbeats reads every slot, and none is used', async ({ skip }) => {
    needs(skip, 'debugvmfs')
    expect(await show('show_heartbeats')).toEqual({ code: 0, text: '' })
  })

  test('debugvmfs check_vol_bitmaps: no error', async ({ skip }) => {
    needs(skip, 'debugvmfs')
    const { code, text } = await show('check_vol_bitmaps')
    expect(text).toContain('Total errors: 0')
    expect(code).toBe(0)
  })

  test('fsck.vmfs: nothing in any of its five counters', async ({ skip }) => {
    needs(skip, 'fsck.vmfs')
    const { text } = await run('fsck.vmfs', paths)
    const counters = ['Unallocated blocks', 'Lost blocks', 'Undefined inodes', 'Orphaned inodes', 'Directory errors']
    for (const counter of counters) expect(text).toMatch(new RegExp(`^${counter} *: 0$`, 'm'))
    expect(text).toMatch(/^ *Inodes *: 9$/m)
  })

  test('debugvmfs cat: .vh.sf is the start of the volume', async ({ skip }) => {
    needs(skip, 'debugvmfs')
    const { code, text } = await show('cat /.vh.sf')
    expect(code).toBe(0)
    expect(text).toContain('tést')
  })
})

describe.each([
  ['600 MiB', 600],
  ['2.5 GiB', 2.5 * GIB],
  ['100 GiB', 100 * GIB],
])('VMFS6 of %s', (_, size) => {
  let volume: FormattedVolume
  let paths: string[]
  beforeAll(async () => {
    ;({ volume, paths } = await format(6, size))
  })
  const show = (what: string) => run('debugvmfs6', [...paths, ...what.split(' ')])

  test('debugvmfs6 show', async ({ skip }) => {
    needs(skip, 'debugvmfs6')
    const { code, text } = await show('show')
    expect(code).toBe(0)
    for (const line of ['Volume Version: 24', 'Version: 82', 'Label: tést', `UUID: ${volume.uuid}`])
      expect(text).toContain(line)
    expect(text).toContain('Subblock size: 64 KiB')
  })

  test('debugvmfs6 ls -l / names the system files', async ({ skip }) => {
    needs(skip, 'debugvmfs6')
    const { code, text } = await show('ls -l /')
    expect(code).toBe(0)
    expect(namesOf(text)).toEqual(['.', '..', ...SYSTEM_FILES, '.jbc.sf'])
    expect(namesOf((await show('ls -l /.sdd.sf')).text)).toEqual(['.', '..'])
  })

  test('debugvmfs6 show_heartbeats reads every slot, and none is used', async ({ skip }) => {
    needs(skip, 'debugvmfs6')
    expect(await show('show_heartbeats')).toEqual({ code: 0, text: 'VMFS version: 6\n' })
  })
})
