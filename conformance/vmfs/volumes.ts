// The volumes that the vmfs-tools suite looks at: made when a check first asks for one, by `lunette vmfs` as its users call it.

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Tools } from '../suites/checks.ts'
import { type DataSet, dataSet, smallDataSet, type VmfsVersion } from './data-set.ts'
import { writeLocalTree } from './local-tree.ts'
import { holdLocks } from './locks.ts'
import { extents, lunetteVmfs, type Volume } from './readers.ts'

/** How long it may take to write 13,000 files on a busy machine. */
const FILL_MS = 300_000
const MIB = 1024 * 1024

export class Volumes {
  readonly #seed: number
  readonly #made = new Map<string, Promise<Volume>>()

  constructor(seed: number) {
    this.#seed = seed
  }

  /** Everything of section 14 and 10,000 files. */
  filled(version: VmfsVersion, tools: Tools): Promise<Volume> {
    return this.#once(`filled-${version}`, async (name) => {
      const volume = this.#files(tools, name, version, dataSet(version), [join(tools.directory, `${name}.img`)])
      await format(tools, volume, name, '64GiB')
      await put(tools, volume)
      return volume
    })
  }

  /** A few files on two extents, of which the first is too small for them. */
  spanned(version: VmfsVersion, tools: Tools): Promise<Volume> {
    return this.#once(`spanned-${version}`, async (name) => {
      const images = [1, 2].map((extent) => join(tools.directory, `${name}-${extent}.img`))
      const set = smallDataSet(version)
      const over = { path: '/over-both.bin', size: 400 * MIB }
      const volume = this.#files(tools, name, version, { ...set, files: [...set.files, over] }, images)
      await format(tools, volume, name, '529MiB')
      await put(tools, volume)
      return volume
    })
  }

  /** A few files, locked by two hosts that have the volume open. */
  locked(version: VmfsVersion, tools: Tools): Promise<Volume> {
    return this.#once(`locked-${version}`, async (name) => {
      const volume = this.#files(tools, name, version, smallDataSet(version), [join(tools.directory, `${name}.img`)])
      await format(tools, volume, name, '2GiB')
      await put(tools, volume)
      await holdLocks(tools, volume)
      return volume
    })
  }

  #files(tools: Tools, name: string, version: VmfsVersion, set: DataSet, images: readonly string[]): Volume {
    const root = join(tools.directory, name)
    rmSync(root, { recursive: true, force: true })
    mkdirSync(root)
    return { version, images, set, tree: writeLocalTree(set, root, this.#seed) }
  }

  #once(name: string, make: (name: string) => Promise<Volume>): Promise<Volume> {
    const made = this.#made.get(name) ?? make(name)
    this.#made.set(name, made)
    return made
  }
}

async function format(tools: Tools, { version, images }: Volume, label: string, size: string) {
  const options = ['--version', `${version}`, '--label', label, '--size', size, ...extents(images)]
  await tools.run(lunetteVmfs('format', images[0]!, ...options))
}

async function put(tools: Tools, { images, tree }: Volume) {
  const options = ['--recursive', '--sparse', '--no-sync', ...extents(images)]
  await tools.run(lunetteVmfs('put', images[0]!, tree.root, '/', ...options), 0, FILL_MS)
}
