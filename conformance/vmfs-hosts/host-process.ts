// A process with some hosts: each opens the volume by way of an initiator of its own, and does what it is told over the channel of its
// parent. What is acknowledged is told as soon as it is.

import { createHash } from 'node:crypto'
import {
  isDirectory,
  LogicalUnit,
  lookupPath,
  openForWriting,
  openIscsiDevice,
  openTarget,
  parseIscsiUrl,
  type TargetSession,
  VmfsError,
  type WritableVolume,
} from '../../src/host/index.ts'
import { bytesOf } from './content.ts'
import type { Answer, HostEvent, Operation, Request, Seen } from './messages.ts'

type Told = Omit<Answer, 'id'>
type Of<Kind extends Operation['kind']> = Extract<Operation, { kind: Kind }>

class ProcessHost {
  readonly #host: number
  #session: TargetSession | undefined
  #volume: WritableVolume | undefined
  #held: { close(): Promise<void> } | undefined

  constructor(host: number) {
    this.#host = host
  }

  async run(operation: Operation): Promise<Told> {
    switch (operation.kind) {
      case 'open':
        return await this.#open(operation)
      case 'destroy':
        return this.#destroy()
      case 'close':
        return await this.#close()
      case 'hold':
        this.#held = await this.#open_.openFile(operation.path, 'exclusive')
        return {}
      case 'release':
        await this.#held?.close()
        this.#held = undefined
        return {}
      default:
        return await change(this.#open_, operation)
    }
  }

  get #open_(): WritableVolume {
    if (!this.#volume) throw new Error('the host has no volume open')
    return this.#volume
  }

  async #open({ url, initiatorName, locking }: Of<'open'>): Promise<Told> {
    const { lun, ...where } = parseIscsiUrl(url)
    const session = await openTarget({ ...where, initiatorName })
    this.#session = session
    try {
      const device = await openIscsiDevice(new LogicalUnit(session, lun))
      const volume = await openForWriting([device], { locking, onEvent: ({ kind, text }) => this.#tell(kind, text) })
      this.#volume = volume
      return { uuid: volume.host }
    } catch (error) {
      session.destroy()
      throw error
    }
  }

  #destroy(): Told {
    this.#session?.destroy()
    this.#volume?.close().catch(() => {}) // it can write nothing any more
    this.#volume = undefined
    return {}
  }

  async #close(): Promise<Told> {
    const volume = this.#volume
    this.#volume = undefined
    this.#held = undefined
    try {
      await volume?.close()
    } finally {
      this.#session?.destroy()
    }
    return {}
  }

  #tell(event: string, text: string) {
    const told: HostEvent = { host: this.#host, event, text }
    process.send!(told)
  }
}

type Change = Exclude<Operation, { kind: 'open' | 'destroy' | 'close' | 'hold' | 'release' }>

async function change(volume: WritableVolume, operation: Change): Promise<Told> {
  const { path } = { path: '', ...operation }
  switch (operation.kind) {
    case 'put':
      await volume.putFile(path, only(bytesOf(operation.piece)))
      return {}
    case 'append':
      await volume.writeAt(await volume.reference(path), operation.at, bytesOf(operation.piece))
      return {}
    case 'truncate':
      await volume.truncate(path, operation.length)
      return {}
    case 'rename':
      await volume.rename(path, operation.to)
      return {}
    case 'remove':
      await volume.removeFile(path)
      return {}
    case 'makeDirectory':
      await volume.makeDirectory(path)
      return {}
    case 'removeDirectory':
      await volume.removeDirectory(path)
      return {}
    case 'settle':
      for (const each of operation.paths) await settle(volume, each)
      return {}
    case 'look':
      return { seen: await look(volume, operation) }
    case 'list':
      return { names: await list(volume, path) }
  }
}

async function* only(data: Buffer): AsyncGenerator<Uint8Array> {
  if (data.length > 0) yield data
}

/** Has the lock for a moment: whoever had it is done then, or dead and replayed. */
function settle(volume: WritableVolume, path: string): Promise<void> {
  return volume.exclusively(async (writing) => {
    const found = await ifThere(lookupPath(volume.volume, path, { follow: false }))
    if (found) await writing.run((work) => work.claim(found.file))
  })
}

async function look({ volume }: WritableVolume, { path, prefix = 0 }: Of<'look'>): Promise<Seen> {
  const found = await ifThere(lookupPath(volume, path, { follow: false }))
  if (!found) return { kind: 'nothing' }
  if (isDirectory(found.file.meta)) return { kind: 'directory' }
  const reader = volume.openFile(found.file)
  const data = await reader.read(0, reader.length)
  return { kind: 'file', length: reader.length, digest: digest(data), prefix: digest(data.subarray(0, prefix)) }
}

async function list({ volume }: WritableVolume, path: string): Promise<string[]> {
  const { file } = await lookupPath(volume, path)
  const names: string[] = []
  for await (const { name } of volume.entries(file)) if (name !== '.' && name !== '..') names.push(name)
  return names
}

async function ifThere<Result>(result: Promise<Result>): Promise<Result | undefined> {
  try {
    return await result
  } catch (error) {
    if (error instanceof VmfsError && error.problem === 'no such file') return undefined
    throw error
  }
}

const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex')

const hosts = new Map<number, ProcessHost>()

process.on('message', ({ id, host, operation }: Request) => {
  const one = hosts.get(host) ?? new ProcessHost(host)
  hosts.set(host, one)
  one.run(operation).then(
    (told) => process.send!({ id, ...told }),
    (error: Error) => {
      const problem = error instanceof VmfsError ? { problem: error.problem } : {}
      process.send!({ id, error: { ...problem, message: error.stack ?? error.message } })
    },
  )
})
process.on('disconnect', () => process.exit())
process.send!('ready')
