// Checks a volume: everything reachable from the root against the bitmaps, counters and headers, and those against each other. With
// repair, what can be mended is, kind by kind; after each kind the volume is checked again, so that the report is of what is there.

import { VmfsError } from '../errors.ts'
import { FileBlockGeometry } from '../structures/file-block-resources.ts'
import type { Volume } from '../volume.ts'
import type { Writing } from '../writing.ts'
import { Claims, type Counted } from './claims.ts'
import { checkClusters } from './clusters.ts'
import { checkDescriptors } from './descriptors.ts'
import { type CheckContext, Findings, PHASES, type Phase } from './findings.ts'
import { checkFsDescriptor } from './fs-descriptor.ts'
import { checkHeartbeats, isInUse, type Slot } from './heartbeats.ts'
import { checkLvm } from './lvm.ts'
import type { Finding, Host, Report, Totals } from './report.ts'
import { checkResourceHeaders } from './resource-headers.ts'
import { Tree } from './tree.ts'

export interface CheckOptions {
  readonly onProgress?: (progress: CheckProgress) => void
}

export interface CheckProgress {
  readonly step: 'checking' | 'mending'
  /** Files and directories, or findings to mend. */
  readonly done: number
  readonly total?: number
}

/** Each kind of repair once, and what those have left behind once more. */
const MAX_ROUNDS = 2 * PHASES.length

/**
 * Looks at everything and changes nothing.
 * @throws VmfsError 'damaged' for a volume whose root cannot be read; what the devices fail with
 */
export async function checkVolume(volume: Volume, { onProgress }: CheckOptions = {}): Promise<Report> {
  const { findings, ...seen } = await checkOnce(volume, onProgress)
  return { ...seen, ...told(findings), mended: [] }
}

const told = ({ list, more, locksOfTheDead }: Findings) => ({ findings: list, more, locksOfTheDead })

/**
 * Mends what can be mended, in transactions of this writer, up to the kind of repair that is named.
 * @throws what `checkVolume` throws
 */
export async function mendVolume(
  writing: Writing,
  { onProgress, last = PHASES.at(-1)! }: CheckOptions & { readonly last?: Phase } = {},
): Promise<Report> {
  const { volume } = writing
  const mended: Finding[] = []
  /** By the keys of what could not be mended: why. */
  const failed = new Map<string, string>()
  for (let round = 0; ; round++) {
    const { findings, ...seen } = await checkOnce(volume, onProgress)
    const mends = round < MAX_ROUNDS ? findings.nextMends(last, failed) : []
    if (mends.length === 0) {
      for (const [key, why] of failed) findings.fail(key, why)
      return { ...seen, ...told(findings), mended }
    }
    for (const [index, mend] of mends.entries()) {
      onProgress?.({ step: 'mending', done: index, total: mends.length })
      try {
        await mend.run(writing)
        mended.push(...mend.findings)
      } catch (error) {
        // What is damaged elsewhere, or has no room, may stand in the way of this one, and of no other.
        if (!(error instanceof VmfsError)) throw error
        failed.set(mend.key, error.message)
      }
    }
    volume.cache.clear()
  }
}

/** The heartbeat slots alone: they have to be right before the volume can be opened for writing. */
export async function mendHeartbeats(writing: Writing): Promise<Finding[]> {
  const { volume } = writing
  const findings = new Findings()
  await checkHeartbeats({ volume, findings, claims: {} })
  const mends = findings.nextMends('hosts', new Map())
  for (const mend of mends) await mend.run(writing)
  return mends.flatMap((mend) => mend.findings)
}

async function checkOnce(volume: Volume, onProgress: CheckOptions['onProgress']) {
  const findings = new Findings()
  const context: CheckContext = { volume, findings, claims: claimsOf(volume) }
  await checkLvm(context)
  await checkFsDescriptor(context)
  await checkResourceHeaders(context)
  const slots = await checkHeartbeats(context)
  const tree = new Tree(context, slots, ({ files, directories }) =>
    onProgress?.({ step: 'checking', done: files + directories }),
  )
  await tree.walk()
  const used = [...slots.values()].filter(isInUse)
  claimJournals(context, used)
  await checkDescriptors(context, tree.links)
  await checkClusters(context, slots)
  return { findings, totals: totalsOf(context, tree), hosts: hostsOf(used) }
}

function claimsOf({ files }: Volume): CheckContext['claims'] {
  const { fbb, fdc, sbc, pbc, pb2, jbc } = files
  return {
    ...{ 'file block': new Claims(fbb.places), 'file descriptor': new Claims(fdc.places) },
    ...{ 'sub-block': new Claims(sbc.places), 'pointer block': new Claims(pbc.places) },
    'pb2 block': new Claims(pb2.places),
    ...(fbb.places instanceof FileBlockGeometry && { 'large file block': new Claims(fbb.places.large) }),
    ...(jbc && { 'journal block': new Claims(jbc.places) }),
  }
}

/** The journals of hosts that have the volume open, those that are no blocks of a file. */
function claimJournals({ volume, claims }: CheckContext, slots: readonly Slot[]): void {
  const { addresses } = volume.version
  for (const { journalAddress, slotOffset } of slots) {
    const address = decode(() => addresses.decode(BigInt(journalAddress)))
    if (address?.kind === 'journal block')
      decode(() => claims['journal block']?.claim(address.cluster, address.resource, slotOffset))
    if (address?.kind !== 'file block') continue
    const blocks = claims['file block']!
    const place = decode(() => blocks.places.locate(address.block))
    if (place && !blocks.isUsed(place.cluster, place.resource)) blocks.claim(place.cluster, place.resource, slotOffset)
  }
}

/** What names no journal is a host's own matter while it lives, and told as unreadable when it is dead. */
function decode<Result>(work: () => Result): Result | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof VmfsError) return undefined
    throw error
  }
}

const hostsOf = (slots: readonly Slot[]): Host[] =>
  slots.map(({ owner, ip, slotOffset, generation }) => ({ uuid: owner, ip, slotOffset, generation }))

function totalsOf({ claims }: CheckContext, { directories, files, symlinks }: Tree): Totals {
  const use = (kind: Counted) => ({ used: claims[kind]?.used ?? 0, total: claims[kind]?.places.resources ?? 0 })
  return {
    ...{ directories, files, symlinks, fileBlocks: use('file block') },
    ...{ subBlocks: use('sub-block'), pointerBlocks: use('pointer block'), fileDescriptors: use('file descriptor') },
  }
}
