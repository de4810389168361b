// The acceptance commands on a volume that two hosts have open, with locks held, and on one of two extents.

import { join } from 'node:path'
import { check, equal, fsck, type VmfsCheck } from './check.ts'
import { catAll, compareListing, entriesOf } from './compare.ts'
import type { VmfsVersion } from './data-set.ts'
import { HELD, HOSTS, slotOffset } from './locks.ts'
import { bitmapErrors, heartbeats, listing, shown } from './output.ts'
import { extents, lunetteVmfs, READERS } from './readers.ts'

export function lockChecks(version: VmfsVersion): readonly VmfsCheck[] {
  const locked = check(version, 'locked')
  return [
    locked('show_heartbeats: both hosts', async ({ run }, { images }) => {
      const output = await run([READERS[version].debug, ...images, 'show_heartbeats'], HOSTS.length) // counts them
      const wanted = HOSTS.map((host) => `${slotOffset(version, host.slot)} ${host.generation} ${host.uuid}`)
      const found = heartbeats(output).map(({ position, sequence, uuid }) => `${position} ${sequence} ${uuid}`)
      equal(found.join(', '), wanted.join(', '), 'the heartbeats')
    }),
    locked('show inode.mdh: who holds which lock', async (_, __, debug) => {
      for (const { path, host, shown: lock } of HELD) {
        const fields = shown(await debug('show', `inode["${path}"].mdh`))
        equal(fields.get('HB Lock'), lock, `the lock of ${path}`)
        equal(fields.get('HB UUID'), host.uuid, 'its owner')
        equal(fields.get('HB Position'), slotOffset(version, host.slot), "its owner's slot")
        equal(fields.get('HB Sequence'), host.generation, "its owner's generation")
      }
    }),
    locked('cat: files that are locked, as others', (tools, volume) =>
      catAll(tools, volume, [...volume.tree.sums.keys()]),
    ),
    locked('lunette vmfs: check, with hosts at work', async ({ run }, { images }) => {
      await run(lunetteVmfs('check', images[0]!))
    }),
  ]
}

export function spannedChecks(version: VmfsVersion): readonly VmfsCheck[] {
  const spanned = check(version, 'spanned')
  return [
    spanned('ls, in any order of the extents', async (tools, { images, set }, debug) => {
      for (const order of [images, images.toReversed()]) {
        const output = await tools.run([READERS[version].debug, ...order, 'ls', '-l', '/'])
        compareListing(listing(output), entriesOf(set, '/', version), '/')
      }
      equal(shown(await debug('show', 'lvm')).get('Num. Extents'), images.length, 'the number of extents')
    }),
    spanned('cat: files on both extents', (tools, volume) => catAll(tools, volume, [...volume.tree.sums.keys()])),
    spanned('lunette vmfs: check and get', async ({ run, directory }, { images, tree }) => {
      const copy = join(directory, `copy-${version}`)
      await run(lunetteVmfs('check', images[0]!, ...extents(images)))
      await run(lunetteVmfs('get', images[0]!, '/over-both.bin', copy, ...extents(images)))
      await run(['cmp', copy, join(tree.root, 'over-both.bin')])
    }),
    ...(version === 5
      ? [
          spanned('check_vol_bitmaps', async (_, __, debug) => {
            equal(bitmapErrors(await debug('check_vol_bitmaps')), 0, 'the number of errors')
          }),
          spanned('fsck.vmfs', (tools, volume) => fsck(tools, volume)),
        ]
      : []),
  ]
}
