// Two hosts move directories below each other: whichever is second finds out, wherever in its way the first one comes.

import { expect, test } from 'vitest'
import { lookup } from '../../../../src/host/vmfs/path-lookup.ts'
import { openForWriting } from '../../../../src/host/vmfs/writable-volume.ts'
import { GatedDevice } from './gated-device.ts'
import { FAST, sharedVolume } from './shared-volume.ts'

/** Reads of one descriptor on the way of a move. */
const LOOKS = [1, 2, 3, 4]

test('a move below what another host moves below it meanwhile makes no cycle', async () => {
  const shared = await sharedVolume(5)
  const other = await shared.host()
  const device = new GatedDevice((await shared.device()).device)
  const volume = await openForWriting([device], { locking: FAST })
  for (const look of LOOKS) {
    const [p, q] = [`/p${look}`, `/q${look}`]
    for (const path of [p, `${p}/a`, `${p}/a/z`, q, `${q}/b`, `${q}/b/c`]) await other.volume.makeDirectory(path)
    const { file } = await lookup(volume.volume, q)
    const at = volume.volume.logical.place(file.offset).offset
    let [reads, moved] = [0, undefined as Promise<unknown> | undefined]
    device.before = async ({ kind, offset }) => {
      if (kind !== 'read' || moved) return
      // By the next command this read is over.
      if (reads >= look) {
        moved = other.volume.rename(`${q}/b`, `${p}/a/z/b`).catch((error) => error)
        await moved
      } else if (offset === at) reads++
    }
    await volume.rename(`${p}/a`, `${q}/b/c/a`).catch((error) => error)
    device.before = () => {}
    await moved
  }
  await volume.close()
  await other.volume.close()
  expect(await shared.findings()).toEqual([])
}, 60_000)
