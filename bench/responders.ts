// The targets side by side, each serving one LUN from an image on the same file system, filled through iSCSI with the
// same random data, so that no block of either is a hole and all are in the page cache.

import { randomFillSync } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { runTool } from '../conformance/process.ts'
import type { RunningArray, StartArray } from '../conformance/targets/array.ts'
import { startLunette } from '../conformance/targets/lunette.ts'
import { startTgt } from '../conformance/targets/tgt.ts'
import { startCeiling } from './ceiling.ts'

const MIB = 1024 * 1024
const IMAGE_MIB = 1024
/** The two images, and the random data that both are filled with. */
const NEEDED_BYTES = 3 * IMAGE_MIB * MIB
const FILL_MS = 300_000
const IQN = 'iqn.2026-11.io.lunette:bench'

export type ResponderName = 'tgt' | 'lunette' | 'ceiling'

export interface Responder {
  readonly name: ResponderName
  /** Of its LUN. */
  readonly url: string
  readonly writable: boolean
  /** Ends it; tells what was wrong with how it ran. */
  stop(): Promise<readonly string[]>
}

export interface Responders {
  readonly all: readonly Responder[]
  /** Writes the images to the disk, so that no round pays for the one before. */
  settle(): Promise<void>
  stop(): Promise<readonly string[]>
}

/** Starts them one by one; when one fails those before it are stopped. */
export async function startResponders(
  directory: string,
  ceiling: string | undefined,
  signal: AbortSignal,
): Promise<Responders> {
  requireSpace(directory)
  const all: Responder[] = []
  const stop = async () => (await Promise.all(all.map((each) => each.stop()))).flat()
  try {
    all.push(await startOn('tgt', startTgt, directory))
    all.push(await startOn('lunette', startLunette, directory))
    if (ceiling !== undefined) all.push(await startCeiling(ceiling))
    await fill(all, directory, signal)
  } catch (error) {
    await stop()
    throw error
  }
  return { all, settle: () => settle(directory), stop }
}

function requireSpace(directory: string): void {
  const { bavail, bsize } = statfsSync(directory)
  if (bavail * bsize >= NEEDED_BYTES) return
  throw new Error(`${directory} has no room for ${NEEDED_BYTES / MIB} MiB of images; TMPDIR names another place`)
}

async function startOn(name: 'tgt' | 'lunette', start: StartArray, parent: string): Promise<Responder> {
  const directory = join(parent, name)
  mkdirSync(directory)
  const luns = [{ id: 0, size: `${IMAGE_MIB}MiB`, provisioning: 'thick' }] as const
  const array: RunningArray = await start({ targets: [{ iqn: IQN, luns }] }, directory)
  return { name, url: array.url(IQN, 0), writable: true, stop: () => array.stop() }
}

async function fill(responders: readonly Responder[], directory: string, signal: AbortSignal): Promise<void> {
  const source = join(directory, 'random.raw')
  writeRandom(source)
  for (const { url } of responders.filter(({ writable }) => writable)) {
    const command = ['qemu-img', 'convert', '-n', '-f', 'raw', '-O', 'raw', source, url]
    const options = { outputFile: join(directory, 'fill.txt'), timeoutMs: FILL_MS, signal }
    const { status, output } = await runTool(command, options)
    if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}:\n${output.trim()}`)
  }
  rmSync(source)
  await settle(directory)
}

function writeRandom(path: string): void {
  const file = openSync(path, 'w')
  const piece = Buffer.allocUnsafe(4 * MIB)
  for (let at = 0; at < IMAGE_MIB * MIB; at += piece.length) writeSync(file, randomFillSync(piece), 0, piece.length, at)
  closeSync(file)
}

async function settle(directory: string): Promise<void> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  for (const name of names.filter((each) => each.endsWith('.img'))) {
    const file = await open(join(directory, name), 'r+')
    await file.datasync()
    await file.close()
  }
}
