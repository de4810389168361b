// Debian's tools read what we write (notes, 14), where they are installed: sizes and holes of every addressing mode, byte for byte, and
// bitmaps without an error after random operations.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { MemoryDevice } from './memory-device.ts'
import { carryOut, Model, randomOf } from './model.ts'
import { change, from, MIB, newVolume, pattern } from './writing-volumes.ts'

const TOOLS = { 5: 'debugvmfs', 6: 'debugvmfs6' } as const
const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`
const has = (tool: string) => spawnSync('sh', ['-c', `command -v ${tool}`], { env: { PATH } }).status === 0
const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex')

describe.each([5, 6] as const)('VMFS%i as vmfs-tools read it', (version) => {
  const tool = TOOLS[version]
  const directory = mkdtempSync(join(tmpdir(), 'lunette-vmfs-tools-'))
  const image = join(directory, 'volume.img')
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  const run = (command: string, ...args: string[]) => spawnSync(command, args, { env: { PATH }, maxBuffer: 512 * MIB })

  /** What the tools print of a file; debugvmfs6 prints a line of its own before it. */
  const cat = (path: string) => run(tool, image, 'cat', path).stdout.subarray(version === 6 ? 16 : 0)

  test.runIf(has(tool))(
    'files of every addressing mode, links and directories',
    async () => {
      const device = await newVolume(version)
      const contents = new Map<string, Buffer>()
      for (const size of [0, 11, 1024, 1025, 3584, 3585, 8192, 8193, 65_536, 65_537, 5 * MIB + 12_345])
        contents.set(`/sized/${size}`, pattern(size, size))
      const holes = pattern(20 * MIB + 7, 4)
      for (const block of [0, 3, 4, 19]) holes.fill(0, block * MIB, (block + 1) * MIB)
      await change(device, async (volume) => {
        await volume.makeDirectory('/sized')
        await volume.makeDirectory('/sized/deeper')
        for (const [path, data] of contents) await volume.putFile(path, from(data))
        await volume.putFile('/holes', from(holes), { sparse: true })
        const grown = await volume.putFile('/sized/deeper/grown', from(pattern(5, 5)))
        await volume.writeAt(grown, 330 * MIB, pattern(1000, 6))
        await volume.truncate('/sized/deeper/grown', 331 * MIB)
        await volume.makeLink('sized/11', '/link')
      })
      writeImage(device, image)
      contents.set('/holes', holes)
      for (const [path, data] of contents) expect(sha256(cat(path)), path).toBe(sha256(data))
      const grown = Buffer.alloc(331 * MIB)
      pattern(5, 5).copy(grown)
      pattern(1000, 6).copy(grown, 330 * MIB)
      expect(sha256(cat('/sized/deeper/grown'))).toBe(sha256(grown))
      const listed = run(tool, image, 'ls', '-l', '/').stdout.toString()
      expect(listed).toMatch(/^lrwxrwxrwx 1 .* 8 .* link$/m)
    },
    120_000,
  )

  test.runIf(has(tool))(
    'after 150 random operations',
    async () => {
      const device = await newVolume(version)
      const model = new Model()
      const random = randomOf(version)
      await change(device, async (volume) => {
        for (let count = 0; count < 150; count++) {
          const operation = model.next(random)
          await carryOut(volume, operation)
          model.apply(operation)
        }
      })
      writeImage(device, image)
      for (const [path, node] of model.nodes)
        if (Buffer.isBuffer(node)) expect(sha256(cat(path)), path).toBe(sha256(node))
      if (version !== 5) return
      const bitmaps = run(tool, image, 'check_vol_bitmaps')
      expect({ status: bitmaps.status, text: bitmaps.stdout.toString() }).toMatchObject({
        status: 0,
        text: expect.stringContaining('Total errors: 0'),
      })
      const fsck = run('fsck.vmfs', image).stdout.toString()
      const counters = [...fsck.matchAll(/^(\w+ \w+) *: (\d+)/gm)].map(([, name, count]) => `${name}: ${count}`)
      expect(counters, fsck).toHaveLength(5)
      for (const counter of counters) expect(counter).toMatch(/: 0$/)
    },
    120_000,
  )
})

/** The device as a sparse file. */
function writeImage(device: MemoryDevice, path: string): void {
  const file = openSync(path, 'w')
  try {
    ftruncateSync(file, device.size)
    for (const offset of device.touchedPages()) writeSync(file, device.peek(offset, 4096), 0, 4096, offset)
  } finally {
    closeSync(file)
  }
}
