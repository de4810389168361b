// lunette vmfs get VOLUME PATH LOCAL: copies a file or a directory of a volume to this machine, or to standard output.

import { constants, existsSync, statSync } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, rm, symlink, unlink } from 'node:fs/promises'
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

  /** What a damaged volume says leads nowhere but into the directory that was named: links come last, and none is followed. */
  async #directory(from: Found, local: string): Promise<void> {
    await mkdir(local, { recursive: true }).catch(localFailure(local))
    const base = from.path === '/' ? '' : from.path
    const links: { file: FileDescriptor; to: string }[] = []
    let files = 0
    for await (const { path, file, entry } of walkTree(this.#volume, from)) {
      if (file.meta.type === FILE_TYPE.system) continue
      requireName(entry.name)
      const to = join(local, path.slice(base.length))
      if (isDirectory(file.meta)) await makeDirectory(to)
      else if (file.meta.type === FILE_TYPE.symlink) links.push({ file, to })
      else {
        await this.#file(file, to, constants.O_NOFOLLOW)
        files++
      }
    }
    for (const { file, to } of links) await this.#link(file, to)
    this.#progress.step(`${counted('file')(files)}, ${formatBytes(this.#done)}`)
  }

  async #link(file: FileDescriptor, to: string): Promise<void> {
    if (await lstat(to).catch(() => undefined)) await unlink(to).catch(localFailure(to))
    await symlink(await readLink(this.#volume, file), to).catch(localFailure(to))
  }

  /** Holes stay holes; a copy that fails leaves nothing that looks whole. */
  async #file(file: FileDescriptor, to: string, flags = 0): Promise<void> {
    const reader = this.#volume.openFile(file)
    const handle = await open(to, WRITE | flags).catch(localFailure(to))
    try {
      for await (const { offset, length, data } of reader.pieces()) {
        if (data) await writeAll(handle, data, offset).catch(localFailure(to))
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

const WRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC

/** A disk that is nearly full takes a part, and says why with the next one. */
async function writeAll(handle: FileHandle, data: Buffer, offset: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const { bytesWritten } = await handle.write(data, done, data.length - done, offset + done)
    done += bytesWritten
  }
}

async function makeDirectory(path: string): Promise<void> {
  const there = await lstat(path).catch(() => undefined)
  if (!there) return void (await mkdir(path).catch(localFailure(path)))
  if (!there.isDirectory()) throw new OperatorError(`${path} is there already, and is no directory`)
}

function requireName(name: string): void {
  if (name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name)) return
  throw new OperatorError(
    `${JSON.stringify(name)} is no name for a file here: "lunette vmfs check" tells what is damaged`,
  )
}
