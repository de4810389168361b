// Replaces a small file so that a reader, or a power failure, finds the old text or the new one and never a part.

import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Writes aside, syncs, renames, syncs the directory. Throws what the file system says. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  const aside = `${path}.tmp`
  await rm(aside, { force: true }) // of a crash; and 'wx' follows no link that someone put there
  try {
    await writeDurably(aside, text)
    await rename(aside, path)
  } catch (error) {
    await rm(aside, { force: true })
    throw error
  }
  await syncDirectory(dirname(path))
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o644)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** What was created or renamed in it is there after a power failure. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
