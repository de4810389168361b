// QEMU's block layer, which drives a LUN through libiscsi as a hypervisor does: images in and out, copy offload, discard.

import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Suite } from '../suite.ts'
import { type Check, checkCases, requireThat, runChecks, type Tools } from './checks.ts'

const IQN = 'iqn.2026-11.io.lunette:qemu'
const MIB = 1024 * 1024
const SIZE_MIB = 64
const THIN = 0
const OTHER = 1
const LARGE_BLOCKS = 2

const check = (test: string, run: Check['run'], kind = 'thin512'): Check => ({ kind, test, run })

/** A disk image of the LUN's size: data, holes and zeros in turn, the same in every run. */
function sourceImage({ directory }: Tools): string {
  const path = join(directory, 'source.raw')
  const file = openSync(path, 'w')
  for (let mib = 0; mib < SIZE_MIB; mib += 1) {
    const seed = createHash('sha256').update(`${mib}`).digest()
    const data = mib % 3 === 2 ? Buffer.alloc(MIB) : Buffer.alloc(MIB, seed)
    writeSync(file, data, 0, MIB, mib * MIB)
  }
  closeSync(file)
  return path
}

const raw = ['-f', 'raw'] as const
const io = (tools: Tools, id: number, ...commands: string[]) =>
  tools.run(['qemu-io', ...raw, ...commands.flatMap((command) => ['-c', command]), tools.url(id)])

async function convertInAndCompare(tools: Tools, id: number, ...options: string[]) {
  const source = sourceImage(tools)
  await tools.run(['qemu-img', 'convert', '-n', ...options, ...raw, '-O', 'raw', source, tools.url(id)])
  await tools.run(['qemu-img', 'compare', ...raw, '-F', 'raw', source, tools.url(id)])
  return source
}

async function convertOutAndCompare(tools: Tools, id: number) {
  const source = await convertInAndCompare(tools, id)
  const copy = join(tools.directory, 'copy.raw')
  await tools.run(['qemu-img', 'convert', ...raw, '-O', 'raw', tools.url(id), copy])
  const same = readFileSync(source).equals(readFileSync(copy))
  requireThat(same, 'the image that comes out should be the one that went in', 'another')
}

const CHECKS: readonly Check[] = [
  check('qemu-img info', async (tools) => {
    const output = await tools.run(['qemu-img', 'info', '--output=json', tools.url(THIN)])
    requireThat(output.includes(`"virtual-size": ${SIZE_MIB * MIB}`), `virtual-size should be ${SIZE_MIB} MiB`, output)
  }),
  check('qemu-img convert in, compare', async (tools) => void (await convertInAndCompare(tools, THIN))),
  check('qemu-img convert in, 16 out of order', async (tools) => {
    await convertInAndCompare(tools, THIN, '-W', '-m', '16')
  }),
  check('qemu-img convert out', (tools) => convertOutAndCompare(tools, THIN)),
  check('qemu-img convert out to qcow2, compare', async (tools) => {
    await convertInAndCompare(tools, THIN)
    const copy = join(tools.directory, 'copy.qcow2')
    await tools.run(['qemu-img', 'convert', ...raw, '-O', 'qcow2', tools.url(THIN), copy])
    await tools.run(['qemu-img', 'compare', ...raw, '-F', 'qcow2', tools.url(THIN), copy])
  }),
  check('qemu-img convert LUN to LUN with copy offload (EXTENDED COPY)', async (tools) => {
    await convertInAndCompare(tools, THIN)
    const [from, to] = [tools.url(THIN), tools.url(OTHER)]
    await tools.run(['qemu-img', 'convert', '-n', '-C', ...raw, '-O', 'raw', from, to])
    await tools.run(['qemu-img', 'compare', ...raw, '-F', 'raw', from, to])
  }),
  check('qemu-img map: unmapped ranges are seen', async (tools) => {
    await io(tools, THIN, 'write -P 0x55 0 4M', 'discard 1M 2M', 'flush')
    const output = await tools.run(['qemu-img', 'map', '--output=json', ...raw, tools.url(THIN)])
    const [map] = output.split('\n', 1)
    requireThat(
      /"start": 1048576, "length": \d+, .*"zero": true/.test(output),
      'a zero range should start at 1 MiB',
      map ?? '',
    )
  }),
  check('qemu-io: write, FUA, write zeroes, discard and read back', async (tools) => {
    const output = await io(
      tools,
      THIN,
      ...[
        'write -P 0xa5 0 1M',
        'write -f -P 0x5a 1M 64k',
        'write -z 128k 64k',
        'write -z -u 256k 64k',
        'discard 512k 64k',
      ],
      ...['flush', 'read -P 0xa5 0 128k', 'read -P 0 128k 64k', 'read -P 0xa5 192k 64k', 'read -P 0 256k 64k'],
      ...['read -P 0 512k 64k', 'read -P 0xa5 576k 448k', 'read -P 0x5a 1M 64k'],
    )
    requireThat(!/Pattern verification failed|error/i.test(output), 'every read should see what was written', output)
  }),
  check('qemu-img convert in and out', (tools) => convertOutAndCompare(tools, LARGE_BLOCKS), 'thin4Kn'),
]

export const QEMU: Suite = {
  name: 'qemu',
  about: 'qemu-img and qemu-io: images in, out and across, with copy offload and discard',
  tools: { 'qemu-img': 'qemu-utils', 'qemu-io': 'qemu-utils', 'qemu/block-iscsi.so': 'qemu-block-extra' },
  cases: async () => checkCases(CHECKS),
  array: () => ({
    targets: [
      {
        iqn: IQN,
        luns: [
          { id: THIN, size: `${SIZE_MIB}MiB`, provisioning: 'thin' },
          { id: OTHER, size: `${SIZE_MIB}MiB`, provisioning: 'thin' },
          { id: LARGE_BLOCKS, size: `${SIZE_MIB}MiB`, provisioning: 'thin', blockSize: 4096, physicalBlockSize: 4096 },
        ],
      },
    ],
  }),
  run: (bench, cases) => runChecks(bench, IQN, CHECKS, cases),
}
