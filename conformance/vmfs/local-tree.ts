// A data set as files of this machine: sparse where it has holes, with the list that sha256sum -c checks.

import { createCipheriv, createHash } from 'node:crypto'
import { closeSync, ftruncateSync, mkdirSync, openSync, symlinkSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { DataFile, DataSet } from './data-set.ts'

export interface LocalTree {
  readonly root: string
  /** In the form of sha256sum, with paths relative to the root. */
  readonly listFile: string
  /** By the path on the volume, in hex. */
  readonly sums: ReadonlyMap<string, string>
}

const PIECE = 1024 * 1024

/** Writes the data set below `root`, which must be empty, and its list beside it. */
export function writeLocalTree({ directories, files, links }: DataSet, root: string, seed: number): LocalTree {
  for (const directory of directories) mkdirSync(join(root, directory), { recursive: true })
  const sums = new Map(files.map((file) => [file.path, writeLocalFile(file, root, seed)]))
  for (const { path, target } of links) symlinkSync(target, join(root, path))
  const listFile = `${root}.sha256`
  writeFileSync(listFile, [...sums].map(([path, sum]) => `${sum}  .${path}\n`).join(''))
  return { root, listFile, sums }
}

function writeLocalFile(file: DataFile, root: string, seed: number): string {
  const fd = openSync(join(root, file.path), 'wx')
  const sum = createHash('sha256')
  for (const { offset, data } of contentOf(file, seed)) {
    sum.update(data)
    if (offset !== undefined) writeSync(fd, data, 0, data.length, offset)
  }
  ftruncateSync(fd, file.size)
  closeSync(fd)
  return sum.digest('hex')
}

/** The content in order; without an offset it is a hole's zeros. */
function* contentOf(file: DataFile, seed: number): Generator<{ data: Buffer; offset?: number }> {
  const noise = createCipheriv('aes-128-ctr', keyOf(file.path, seed), Buffer.alloc(16))
  const zeros = Buffer.alloc(PIECE)
  let at = 0
  for (const [start, length] of [...(file.data ?? [[0, file.size] as const]), [file.size, 0] as const]) {
    for (; at < start; at += Math.min(PIECE, start - at)) yield { data: zeros.subarray(0, Math.min(PIECE, start - at)) }
    for (const end = start + length; at < end; ) {
      const data = noise.update(zeros.subarray(0, Math.min(PIECE, end - at)))
      yield { data, offset: at }
      at += data.length
    }
  }
}

const keyOf = (path: string, seed: number): Buffer =>
  createHash('sha256').update(`${seed}:${path}`).digest().subarray(0, 16)
