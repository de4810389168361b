// lunette vmfs get VOLUME PATH LOCAL: copies a file or a directory of a volume to this machine, or to standard output.

import { existsSync, statSync } from 'node:fs'
import { mkdir, open, rm, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { OperatorError } from '../../errors.ts'
import { type FileDescriptor, isDirectory } from '../../host/vmfs/file-descriptors.ts'
import { type Found, lookup, readLink, walkTree } from '../../host/vmfs/path-lookup.ts'
import { FILE_TYPE } from '../../host/vmfs/structures/file-descriptor.ts'
import type { Volume } from '../../host/vmfs/volume.ts'
import { command, type Terminal, UsageError } from '../command.ts'
import { openFile } from './cat.ts'
import { localFailure } from './local-failure.ts'
import { counted, formatBytes, type Progress, startProgress } from './progress.ts'
import { printFile, STANDARD_STREAM } from './streams.ts'
import { VOLUME_OPTIONS, VOLUME_POSITIONAL, withVolume } from './volume-options.ts'

export const vmfsGet = command({
  name: 'get',
  describe: 'Copy a file or a directory of a volume to this machine',
  examples: [
    ['lunette vmfs get disk.img /iso/debian.iso debian.iso', 'A file; its holes take no room'],
    ['lunette vmfs get disk.img /backup.tar - | tar x', 'To another program'],
    ['lunette vmfs get -r disk.img / everything', 'What a directory holds, with all that is below it'],
  ],
  positionals: {
    ...VOLUME_POSITIONAL,
    path: { type: 'string', demandOption: true, describe: 'A file or directory on the volume' },
    local: { type: 'string', demandOption: true, describe: 'Where it goes, or - for standard output' },
  },
  options: {
    recursive: { alias: 'r', type: 'boolean', default: false, describe: 'Copy what a directory holds into LOCAL' },
    ...VOLUME_OPTIONS,
  },
  async run(args, terminal) {
    const { path, local, recursive } = args
    if (local === STANDARD_STREAM && recursive) throw new UsageError('--recursive copies a directory, and - is none')
    return await withVolume(args, terminal, async (volume) => {
      if (local === STANDARD_STREAM) await printFile(terminal, await openFile(volume, path))
      else {
        const copy = new Copy(volume, terminal)
        try {
          await copy.from(await lookup(volume, path), local, recursive)
        } finally {
          copy.end()
        }
      }
      return 0
    })
  },
})

class Copy {
  readonly #volume: Volume
  readonly #progress: Progress
  #done = 0
  #total: number | undefined

  constructor(volume: Volume, terminal: Terminal) {
    this.#volume = volume
    this.#progress = startProgress('get', formatBytes, terminal)
  }

  end(): void {
    this.#progress.end()
  }

  async from(found: Found, local: string, recursive: boolean): Promise<void> {
    if (!isDirectory(found.file.meta)) {
      this.#total = found.file.meta.length
      const into = existsSync(local) && statSync(local).isDirectory()
      return await this.#file(found.file, into ? join(local, basename(found.path)) : local)
    }
    if (!recursive)
      throw new OperatorError(`${JSON.stringify(found.path)} is a directory: --recursive copies what it holds`)
    await this.#directory(found, local)
  }

  async #directory(from: Found, local: string): Promise<void> {
    await mkdir(local, { recursive: true }).catch(localFailure(local))
    const base = from.path === '/' ? '' : from.path
    let files = 0
    for await (const { path, file } of walkTree(this.#volume, from)) {
      if (file.meta.type === FILE_TYPE.system) continue
      const to = join(local, safe(path.slice(base.length)))
      if (isDirectory(file.meta)) await mkdir(to, { recursive: true }).catch(localFailure(to))
      else if (file.meta.type === FILE_TYPE.symlink) await this.#link(file, to)
      else {
        await this.#file(file, to)
        files++
      }
    }
    this.#progress.step(`${counted('file')(files)}, ${formatBytes(this.#done)}`)
  }

  async #link(file: FileDescriptor, to: string): Promise<void> {
    await rm(to, { force: true }).catch(localFailure(to))
    await symlink(await readLink(this.#volume, file), to).catch(localFailure(to))
  }

  /** Holes stay holes; a copy that fails leaves nothing that looks whole. */
  async #file(file: FileDescriptor, to: string): Promise<void> {
    const reader = this.#volume.openFile(file)
    const handle = await open(to, 'w').catch(localFailure(to))
    try {
      for await (const { offset, length, data } of reader.pieces()) {
        if (data) await handle.write(data, 0, data.length, offset).catch(localFailure(to))
        this.#done += length
        this.#progress.update({ done: this.#done, total: this.#total })
      }
      await handle.truncate(reader.length).catch(localFailure(to))
    } catch (error) {
      await rm(to, { force: true })
      throw error
    } finally {
      await handle.close()
    }
  }
}

/** A name on a damaged volume may be anything: nothing is written beside the directory that was named. */
function safe(path: string): string {
  if (path.split('/').every((name) => name !== '..' && name !== '.' && !name.includes('\0'))) return path
  throw new OperatorError(
    `${JSON.stringify(path)} is no path for a file here: "lunette vmfs check" tells what is damaged`,
  )
}
