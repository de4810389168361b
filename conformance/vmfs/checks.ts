// The acceptance commands of vmfs-format.md section 14, one check each, for a version of VMFS. What the tools of VMFS6 do not
// check (section 12), or get wrong on real volumes too (gotcha 7), is left out of theirs.

import { join } from 'node:path'
import { requireThat } from '../suites/checks.ts'
import { check, equal, fsck, type VmfsCheck } from './check.ts'
import { catAll, compareListing, entriesOf, firstDifference, systemFileNames, wantedOfFind } from './compare.ts'
import type { DataFile, VmfsVersion } from './data-set.ts'
import { mounted } from './mounted.ts'
import { lockChecks, spannedChecks } from './other-checks.ts'
import { allocatedBlocks, bitmapErrors, blockAddresses, listing, shown } from './output.ts'
import { lunetteVmfs, READERS, type Volume } from './readers.ts'

const MIB = 1024 * 1024
const LONG_MS = 180_000
const FORMATS = { 5: ['14', '81'], 6: ['24', '82'] } as const

export const checksOf = (version: VmfsVersion): readonly VmfsCheck[] => [
  ...descriptions(version),
  ...contents(version),
  ...systemFiles(version),
  ...mounts(version),
  ...(version === 5 ? checksOf5() : []),
  ...lockChecks(version),
  ...spannedChecks(version),
]

/** What the volume says of itself. */
function descriptions(version: VmfsVersion): readonly VmfsCheck[] {
  const whole = check(version)
  return [
    whole('lunette vmfs: format, put, check', async ({ run }, { images }) => {
      await run(lunetteVmfs('check', images[0]!), 0, LONG_MS)
    }),
    whole('show: version, label, sizes', async (_, __, debug) => {
      const fields = shown(await debug('show'))
      equal(`${fields.get('Volume Version')}.${fields.get('Version')}`, FORMATS[version].join('.'), 'the version')
      equal(fields.get('Label'), `filled-${version}`, 'the label')
      equal(fields.get('Block size'), '1 MiB', 'the block size')
    }),
    whole('show lvm, show lvm.extent[0]', async (_, __, debug) => {
      const lvm = shown(await debug('show', 'lvm'))
      equal(lvm.get('Num. Extents'), 1, 'the number of extents')
      const extent = shown(await debug('show', 'lvm.extent[0]'))
      const last = Number(extent.get('Num. Segments')) - 1
      equal(lvm.get('Size'), `${((last + 1) * 256) / 1024} GiB`, 'the size')
      equal(`${extent.get('First Segment')}-${extent.get('Last Segment')}`, `0-${last}`, 'the segments')
    }),
    ...['fbb', 'fdc', 'pbc', 'sbc'].map((file) =>
      whole(`show ${file}`, async (_, __, debug) => {
        const fields = shown(await debug('show', file))
        const [total, used, free] = ['Total', 'Used', 'Free'].map((count) => Number(fields.get(`${count} items`)))
        equal(used! + free!, total, 'used and free together')
      }),
    ),
    whole('show fdc.entry[0], its lock and an item', async (_, __, debug) => {
      const entry = shown(await debug('show', 'fdc.entry[0]'))
      equal(entry.get('Id'), 0, 'the number of the cluster')
      equal(shown(await debug('show', 'fdc.entry[0].mdh')).get('Magic'), '0x10c00005', 'the type of the lock')
      equal(shown(await debug('show', 'fdc.entry[0].item[7].status')).get('Status'), 'used', 'descriptor 7')
    }),
  ]
}

/** Its directories and files, by debugvmfs. */
function contents(version: VmfsVersion): readonly VmfsCheck[] {
  const whole = check(version)
  return [
    whole('ls -l: every directory', async (_, { set }, debug) => {
      for (const directory of ['/', ...set.directories])
        compareListing(listing(await debug('ls', '-l', directory)), entriesOf(set, directory, version), directory)
    }),
    whole('cat: section 14', async (tools, volume) => {
      for (const { path } of volume.set.files.filter(({ path }) => !isSmall(path))) await catAll(tools, volume, [path])
    }),
    whole('cat: full directories', (tools, volume) =>
      catAll(tools, volume, pathsBelow(volume, /^\/(hundreds|thousands)\//)),
    ),
    whole('cat: 10,000 files in a tree', (tools, volume) => catAll(tools, volume, pathsBelow(volume, /^\/tree\//))),
    whole('show inode, dirent and their blocks', async (_, { set }, debug) => {
      const { path, size } = set.files.find(isFiveMib)!
      const inode = shown(await debug('show', `inode["${path}"]`))
      equal(inode.get('Links'), 1, 'the links')
      equal(inode.get('Block count'), Math.ceil(size / MIB), 'the number of blocks')
      const dirent = shown(await debug('show', `dirent["${path}"]`))
      equal(dirent.get('Block ID'), inode.get('ID'), 'the descriptor that the entry names')
      equal(dirent.get('Record ID'), inode.get('ID2'), 'the generation that the entry names')
      const blocks = blockAddresses(await debug('show', `inode["${path}"].blocks`))
      equal(blocks.length, Math.ceil(size / MIB), 'the number of addresses')
      equal(blockAddresses(await debug('get_file_block', path, '0'))[0], blocks[0], 'the first address')
      if (version === 6) return // its tool takes no address of its own
      equal(shown(await debug('show', `(blkid[${hex(blocks[0]!)}].item).status`)).get('Status'), 'used', 'its block')
    }),
    whole('get_file_block, read_block', async (tools, { set, tree, images }, debug) => {
      const { path } = set.files.find(isFiveMib)!
      const [address] = blockAddresses(await debug('get_file_block', path, hex(BigInt(3 * MIB + 17)))) // read as hexadecimal
      const script = `${READERS[version].debug} "$1" read_block "$2" | tail -c +${READERS[version].banner + 1} |
        cmp -n ${MIB} - "$3" 0 ${3 * MIB}`
      await tools.run(['sh', '-c', script, 'sh', images[0]!, hex(address!), join(tree.root, path)])
    }),
  ]
}

/** The same through the kernel. */
function mounts(version: VmfsVersion): readonly VmfsCheck[] {
  const whole = check(version)
  return [
    whole('fuse: sha256sum -c, every file', (tools, volume) =>
      mounted(tools, volume, async (mountPoint) => {
        const script = 'cd "$1" && sha256sum --quiet -c "$2"'
        await tools.run(['sh', '-c', script, 'sh', mountPoint, volume.tree.listFile], 0, LONG_MS)
      }),
    ),
    whole('fuse: find, stat and readlink', (tools, volume) =>
      mounted(tools, volume, async (mountPoint) => {
        const command = ['find', mountPoint, '-mindepth', '1', '-type', 'f,d,l', '!', '-name', '.*.sf', '-printf']
        const found = await tools.run([...command, '%y %s /%P %l\\n'], 0, LONG_MS)
        const names = Buffer.from(found, 'latin1').toString().split('\n').filter(Boolean)
        const difference = firstDifference(names.map(withoutDirectorySize), wantedOfFind(volume.set))
        requireThat(difference === undefined, 'find should see what was put', difference ?? '')
      }),
    ),
  ]
}

/** What of the tools checks a volume of VMFS5, and is of no use for VMFS6. */
function checksOf5(): readonly VmfsCheck[] {
  const whole = check(5)
  return [
    whole('df: our own count of allocated blocks', async ({ run }, { images }, debug) => {
      const info = JSON.parse(await run(lunetteVmfs('info', images[0]!, '--json'))) as { blocks: { used: number } }
      equal(allocatedBlocks(await debug('df')), info.blocks.used, 'the number of allocated blocks')
    }),
    whole('check_vol_bitmaps', async (_, __, debug) => {
      equal(bitmapErrors(await debug('check_vol_bitmaps')), 0, 'the number of errors')
    }),
    whole('fsck.vmfs', (tools, volume) => fsck(tools, volume)),
  ]
}

/** The first blocks of files that stand at fixed places, and of every other one where its addresses say. */
function systemFiles(version: VmfsVersion): readonly VmfsCheck[] {
  const blocks = version === 5 ? 4 : 7
  const script = (file: string, at: string) =>
    `${READERS[version].debug} "$1" cat ${file} | tail -c +${READERS[version].banner + 1} |
     cmp ${at === 'fixed' ? '' : `-n ${MIB}`} - `
  return [
    check(version)('system files: .vh.sf and .fdc.sf stand where they must', async ({ run }, { images }) => {
      const whole = `dd if="$1" bs=1M skip=17 count=${blocks} 2> /dev/null > "$1.vh"; ${script('/.vh.sf', 'fixed')} "$1.vh"; rm "$1.vh"`
      await run(['sh', '-ec', whole, 'sh', images[0]!])
      await run(['sh', '-ec', `${script('/.fdc.sf', 'first')} "$1" 0 ${(17 + blocks) * MIB}`, 'sh', images[0]!])
    }),
    check(version)('system files: every one is listed', async (_, __, debug) => {
      const names = listing(await debug('ls', '-l', '/')).map(({ name }) => name)
      const missing = systemFileNames(version).filter((name) => !names.includes(name))
      equal(missing.join(' '), '', 'what is missing')
    }),
  ]
}

const isFiveMib = ({ size }: DataFile) => size > 5 * MIB && size < 6 * MIB
const hex = (value: bigint) => `0x${value.toString(16)}`
const isSmall = (path: string) => /^\/(tree|hundreds|thousands)\//.test(path)
const pathsBelow = ({ set }: Volume, below: RegExp) =>
  set.files.map(({ path }) => path).filter((path) => below.test(path))
const withoutDirectorySize = (line: string) => line.replace(/^d \d+/, 'd 0').trimEnd()
