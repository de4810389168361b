// lunette vmfs put VOLUME LOCAL PATH: copies a file, a directory or standard input to a volume.

import { lstat, readdir, readlink, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { OperatorError } from '../../errors.ts'
import { VmfsError } from '../../host/vmfs/errors.ts'
import { isDirectory } from '../../host/vmfs/file-descriptors.ts'
import { lookup } from '../../host/vmfs/path-lookup.ts'
import type { WritableVolume } from '../../host/vmfs/writable-volume.ts'
import { command, type Terminal, UsageError } from '../command.ts'
import { localFailure } from './local-failure.ts'
import { counted, formatBytes, type Progress, startProgress } from './progress.ts'
import { readLocal, STANDARD_STREAM, watched } from './streams.ts'
import { NO_SYNC, requireImagesForNoSync, VOLUME_OPTIONS, VOLUME_POSITIONAL, withWritable } from './volume-options.ts'

export const vmfsPut = command({
  name: 'put',
  describe: 'Copy a file, a directory or standard input to a volume',
  examples: [
    ['lunette vmfs put disk.img debian.iso /iso/debian.iso', 'A file; one that is there is replaced at once'],
    ['lunette vmfs put disk.img debian.iso /iso/', 'The same: a path that is a directory takes the file by its name'],
    ['tar c . | lunette vmfs put disk.img - /backup.tar', 'What comes from another program'],
    ['lunette vmfs put -r disk.img templates /templates', 'What a directory holds, with all that is below it'],
  ],
  positionals: {
    ...VOLUME_POSITIONAL,
    local: {
      type: 'string',
      demandOption: true,
      describe: 'File or directory of this machine, or - for standard input',
    },
    path: { type: 'string', demandOption: true, describe: 'Where it goes on the volume' },
  },
  options: {
    recursive: { alias: 'r', type: 'boolean', default: false, describe: 'Copy what a directory holds into PATH' },
    sparse: { type: 'boolean', default: false, describe: 'Blocks of zeros take no room' },
    ...NO_SYNC,
    ...VOLUME_OPTIONS,
  },
  async run(args, terminal) {
    const { local, recursive, sparse } = args
    if (local === STANDARD_STREAM && recursive) throw new UsageError('--recursive copies a directory, and - is none')
    requireImagesForNoSync(args)
    const items = local === STANDARD_STREAM ? [] : await itemsOf(local, recursive)
    return await withWritable(args, terminal, async (volume, interrupt) => {
      const copy = new Copy(volume, terminal, interrupt, sparse)
      try {
        const path = recursive ? args.path : await insideDirectory(volume, args.path, local)
        if (local === STANDARD_STREAM) await copy.stream(terminal.stdin, path)
        else await copy.all(items, path)
      } finally {
        copy.end()
      }
      return 0
    })
  },
})

interface Item {
  readonly kind: 'directory' | 'file' | 'link'
  readonly local: string
  /** Below the path that the whole is copied to. */
  readonly relative: string
  /** Bytes of a file. */
  readonly size: number
}

/** Everything that is to be copied, each directory before what it holds. */
async function itemsOf(local: string, recursive: boolean): Promise<Item[]> {
  const found = await stat(local).catch(localFailure(local))
  if (!found.isDirectory()) return [{ kind: 'file', local, relative: '', size: found.isFile() ? found.size : 0 }]
  if (!recursive) throw new OperatorError(`${local} is a directory: --recursive copies what it holds`)
  const items: Item[] = []
  const waiting = ['']
  for (let relative = waiting.pop(); relative !== undefined; relative = waiting.pop()) {
    items.push({ kind: 'directory', local: join(local, relative), relative, size: 0 })
    const names = await readdir(join(local, relative)).catch(localFailure(join(local, relative)))
    for (const name of names.sort()) {
      const item = await itemOf(join(local, relative, name), `${relative}/${name}`)
      if (item.kind === 'directory') waiting.push(item.relative)
      else items.push(item)
    }
  }
  return items
}

async function itemOf(local: string, relative: string): Promise<Item> {
  const found = await lstat(local).catch(localFailure(local))
  if (found.isDirectory()) return { kind: 'directory', local, relative, size: 0 }
  if (found.isSymbolicLink()) return { kind: 'link', local, relative, size: 0 }
  if (found.isFile()) return { kind: 'file', local, relative, size: found.size }
  throw new OperatorError(`${local} is no file, directory or symbolic link: a volume holds nothing else`)
}

/** A path that is a directory takes a file by its own name. */
export async function insideDirectory({ volume }: WritableVolume, path: string, local: string): Promise<string> {
  const into = await lookup(volume, path).catch((error: unknown) => {
    if (error instanceof VmfsError && error.problem === 'no such file') return undefined
    throw error
  })
  if (!into || !isDirectory(into.file.meta)) return path
  if (local === STANDARD_STREAM) throw new VmfsError('is a directory', `${path} is a directory: name a file in it`)
  return `${into.path === '/' ? '' : into.path}/${basename(local)}`
}

class Copy {
  readonly #volume: WritableVolume
  readonly #interrupt: AbortSignal
  readonly #sparse: boolean
  readonly #progress: Progress
  #done = 0
  #total: number | undefined

  constructor(volume: WritableVolume, terminal: Terminal, interrupt: AbortSignal, sparse: boolean) {
    this.#volume = volume
    this.#interrupt = interrupt
    this.#sparse = sparse
    this.#progress = startProgress('put', formatBytes, terminal)
  }

  end(): void {
    this.#progress.end()
  }

  async stream(source: AsyncIterable<Uint8Array>, path: string, size?: number): Promise<void> {
    const onBytes = (bytes: number) => {
      this.#done += bytes
      this.#progress.update({ done: this.#done, total: this.#total })
    }
    const options = { sparse: this.#sparse, ...(size !== undefined && { size }) }
    await this.#volume.putFile(path, watched(source, this.#interrupt, onBytes), options)
  }

  async all(items: readonly Item[], path: string): Promise<void> {
    this.#total = items.reduce((sum, { size }) => sum + size, 0)
    const base = path.replace(/\/+$/, '')
    let files = 0
    for (const item of items) {
      this.#interrupt.throwIfAborted()
      await this.#one(item, item.relative === '' && item.kind === 'file' ? path : `${base}${item.relative}` || '/')
      if (item.kind === 'file') files++
    }
    if (items[0]?.kind === 'directory') this.#progress.step(`${counted('file')(files)}, ${formatBytes(this.#done)}`)
  }

  async #one({ kind, local, size }: Item, path: string): Promise<void> {
    if (kind === 'directory') return await this.#directory(path)
    if (kind === 'file') return await this.stream(readLocal(local), path, size).catch(localFailure(local))
    await this.#volume.makeLink(await readlink(local).catch(localFailure(local)), path)
  }

  async #directory(path: string): Promise<void> {
    const { volume } = this.#volume
    const there = await lookup(volume, path).catch(() => undefined)
    if (!there || !isDirectory(there.file.meta)) await this.#volume.makeDirectory(path)
  }
}
