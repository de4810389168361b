// A tree in memory that takes the same operations as a volume, and random operations for both: what the volume must look like.

import type { WritableVolume } from '../../../src/host/vmfs/writable-volume.ts'
import { contentOf, from, MIB, pattern } from './writing-volumes.ts'

type Node = Buffer | 'directory' | { readonly target: string }

export type Operation =
  | {
      readonly do: 'put'
      readonly path: string
      readonly size: number
      readonly seed: number
      readonly sparse: boolean
    }
  | {
      readonly do: 'write'
      readonly path: string
      readonly offset: number
      readonly size: number
      readonly seed: number
    }
  | { readonly do: 'truncate'; readonly path: string; readonly size: number }
  | { readonly do: 'mkdir' | 'rmdir' | 'rm'; readonly path: string }
  | { readonly do: 'mv'; readonly path: string; readonly to: string }
  | { readonly do: 'link'; readonly path: string; readonly target: string }

/** Numbers from 0 to 1 that a seed repeats. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export class Model {
  readonly nodes = new Map<string, Node>()

  /** As `treeOf` describes a volume. */
  tree(): Map<string, string> {
    const described = [...this.nodes].map(([path, node]): [string, string] => {
      if (node === 'directory') return [path, node]
      return [path, Buffer.isBuffer(node) ? contentOf(node) : `-> ${node.target}`]
    })
    return new Map(described.sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  apply(operation: Operation): void {
    const { path } = operation
    switch (operation.do) {
      case 'put':
        return void this.nodes.set(path, dataOf(operation))
      case 'write': {
        const before = this.nodes.get(path) as Buffer
        const after = Buffer.alloc(Math.max(before.length, operation.offset + operation.size))
        before.copy(after)
        pattern(operation.size, operation.seed).copy(after, operation.offset)
        return void this.nodes.set(path, after)
      }
      case 'truncate': {
        const after = Buffer.alloc(operation.size)
        ;(this.nodes.get(path) as Buffer).copy(after)
        return void this.nodes.set(path, after)
      }
      case 'mkdir':
        return void this.nodes.set(path, 'directory')
      case 'rm':
      case 'rmdir':
        return void this.nodes.delete(path)
      case 'link':
        return void this.nodes.set(path, { target: operation.target })
      case 'mv':
        for (const [name, node] of [...this.nodes])
          if (name === path || name.startsWith(`${path}/`)) {
            this.nodes.delete(name)
            this.nodes.set(operation.to + name.slice(path.length), node)
          }
    }
  }

  /** An operation that succeeds on this tree. */
  next(random: () => number): Operation {
    for (;;) {
      const operation = this.#propose(random)
      if (operation) return operation
    }
  }

  #propose(random: () => number): Operation | undefined {
    const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)]
    const of = (is: (node: Node) => boolean) => [...this.nodes].filter(([, node]) => is(node)).map(([path]) => path)
    const directories = ['', ...of((node) => node === 'directory')]
    const files = of(Buffer.isBuffer)
    const fresh = `${pick(directories)}/n${Math.floor(random() * 1000)}`
    const file = pick(files)
    const seed = Math.floor(random() * 2 ** 31)
    const kind = Math.floor(random() * 12)
    if (kind <= 2) {
      const path = kind === 0 && file !== undefined ? file : fresh
      if (path === fresh && this.nodes.has(path)) return undefined
      return { do: 'put', path, size: sizeOf(random), seed, sparse: random() < 0.3 }
    }
    if (kind === 3 && file !== undefined) return { do: 'rm', path: file }
    if (kind === 4 && !this.nodes.has(fresh)) return { do: 'mkdir', path: fresh }
    if (kind === 5) {
      const empty = directories.find((path) => path !== '' && !this.#hasChildren(path))
      return empty === undefined ? undefined : { do: 'rmdir', path: empty }
    }
    if (kind === 6 && !this.nodes.has(fresh))
      return { do: 'link', path: fresh, target: `t${seed}`.repeat(1 + (seed % 370)) }
    if (kind === 7 && file !== undefined) return { do: 'truncate', path: file, size: sizeOf(random) }
    if (kind === 8 && file !== undefined) {
      const length = (this.nodes.get(file) as Buffer).length
      const offset = Math.floor(random() * Math.max(length, 1) * 1.5)
      return { do: 'write', path: file, offset, size: Math.min(sizeOf(random), 200_000) + 1, seed }
    }
    return kind >= 9 ? this.#proposeMove(pick([...this.nodes.keys()]), random() < 0.3 ? file : fresh) : undefined
  }

  #proposeMove(path: string | undefined, to: string | undefined): Operation | undefined {
    if (path === undefined || to === undefined || path === to || to.startsWith(`${path}/`)) return undefined
    const replaced = this.nodes.get(to)
    if (replaced !== undefined && (!Buffer.isBuffer(replaced) || this.nodes.get(path) === 'directory')) return undefined
    return { do: 'mv', path, to }
  }

  #hasChildren(path: string): boolean {
    return [...this.nodes.keys()].some((other) => other.startsWith(`${path}/`))
  }
}

/** Sizes around every change of representation. */
function sizeOf(random: () => number): number {
  const edges = [0, 1, 1024, 3584, 8192, 65_536, MIB, 3 * MIB]
  const edge = edges[Math.floor(random() * edges.length)] ?? 0
  return Math.max(0, edge + Math.floor(random() * 3) - 1 + (random() < 0.2 ? Math.floor(random() * MIB) : 0))
}

function dataOf({ size, seed, sparse }: { size: number; seed: number; sparse: boolean }): Buffer {
  const data = pattern(size, seed)
  // Every second block is a hole to be.
  if (sparse)
    for (let at = seed % 2 === 0 ? 0 : MIB; at < size; at += 2 * MIB) data.fill(0, at, Math.min(at + MIB, size))
  return data
}

export async function carryOut(volume: WritableVolume, operation: Operation): Promise<void> {
  const { path } = operation
  switch (operation.do) {
    case 'put':
      return void (await volume.putFile(path, from(dataOf(operation)), { sparse: operation.sparse }))
    case 'write':
      return await volume.writeAt(
        await volume.reference(path),
        operation.offset,
        pattern(operation.size, operation.seed),
      )
    case 'truncate':
      return await volume.truncate(path, operation.size)
    case 'mkdir':
      return await volume.makeDirectory(path)
    case 'rmdir':
      return await volume.removeDirectory(path)
    case 'rm':
      return await volume.removeFile(path)
    case 'mv':
      return await volume.rename(path, operation.to)
    case 'link':
      return await volume.makeLink(operation.target, path)
  }
}
