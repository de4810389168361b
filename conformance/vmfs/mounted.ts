// A volume mounted with vmfs-fuse or vmfs6-fuse, and unmounted whatever happens: by path, as fusermount may be absent (gotcha 11).

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Tools } from '../suites/checks.ts'
import { READERS, type Volume } from './readers.ts'

/** A file that was read a moment ago may still be open. */
const UNMOUNT = 'for _ in 1 2 3 4 5; do umount "$1" && exit 0; sleep 0.5; done; umount -l "$1"; exit 1'

export async function mounted(
  tools: Tools,
  { version, images }: Volume,
  look: (mountPoint: string) => Promise<void>,
): Promise<void> {
  const mountPoint = join(tools.directory, `mnt-${version}`)
  mkdirSync(mountPoint, { recursive: true })
  await tools.run([READERS[version].fuse, ...images, mountPoint])
  try {
    await look(mountPoint)
  } finally {
    await tools.run(['sh', '-c', UNMOUNT, 'sh', mountPoint])
  }
}
