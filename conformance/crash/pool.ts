// Writes and unmaps of two LUNs that share a pool: after a crash every grain of the medium holds what it held, but for those of
// the command that was under way, each of which is as before or as after it; what is told of the pool is what is mapped.

import {
  decodeLbaStatus,
  decodeLogPage,
  decodeLogParameters,
  encodeUnmapList,
  GET_LBA_STATUS,
  LOG_PAGE,
  LOG_SENSE,
  PROVISIONING_PARAMETER,
  PROVISIONING_STATUS,
  READ_10,
  RESOURCE_COUNT,
  SENSE,
  UNMAP,
  WRITE_10,
} from '../../protocol/index.ts'
import type { CommandResult } from '../../src/host/index.ts'
import type { Random } from './random.ts'
import { type Hosts, type Subject, Tally, Violation } from './subject.ts'

const BLOCK_BYTES = 512
/** What the array allocates at a time. */
const GRAIN_BYTES = 4096
const GRAIN_BLOCKS = GRAIN_BYTES / BLOCK_BYTES
/** 2^(THRESHOLD EXPONENT) blocks: what a resource count counts. */
const RESOURCE_BYTES = 128 * BLOCK_BYTES
const GRAINS_MAX = 64
const READ_BLOCKS = 2048
const STATUS_LENGTH = 65536

/** Zero: the grain is not mapped. Otherwise each of its words is the number of the write. */
type Tags = Uint32Array

interface Change {
  readonly lun: number
  readonly first: number
  readonly count: number
  readonly tag: number
}

export class PoolChanges implements Subject {
  readonly name = 'writes and unmaps in a pool'
  readonly tally = new Tally()
  readonly #random: Random
  readonly #poolBytes: number
  readonly #grains: number
  readonly #state: ReadonlyMap<number, Tags>
  #writes = 0
  #underWay: Change | undefined

  constructor(luns: readonly number[], lunBytes: number, poolBytes: number, random: Random) {
    this.#random = random
    this.#poolBytes = poolBytes
    this.#grains = lunBytes / GRAIN_BYTES
    this.#state = new Map(luns.map((lun) => [lun, new Uint32Array(this.#grains)]))
  }

  async verify(hosts: Hosts): Promise<void> {
    let mapped = 0
    const told: { used: number; available: number }[] = []
    for (const [lun, tags] of this.#state) {
      const found = await this.#read(hosts, lun)
      const isMapped = await this.#mapped(hosts, lun)
      this.#compare(lun, tags, found, isMapped)
      tags.set(found)
      const count = isMapped.filter(Boolean).length
      mapped += count
      const resources = await this.#resources(hosts, lun)
      told.push(resources)
      requireNear(`what LUN ${lun} uses`, resources.used, count * GRAIN_BYTES)
    }
    for (const { available } of told)
      requireNear('what the pool has left', available, Math.max(0, this.#poolBytes - mapped * GRAIN_BYTES))
    if (this.#underWay !== undefined) this.tally[this.#wasDone(this.#underWay) ? 'done' : 'notDone'] += 1
    this.#underWay = undefined
  }

  async step(hosts: Hosts): Promise<void> {
    const random = this.#random
    const lun = random.pick([...this.#state.keys()])
    const count = 1 + random.below(GRAINS_MAX)
    const first = random.below(this.#grains - count + 1)
    const change = { lun, first, count, tag: random.below(3) === 0 ? 0 : ++this.#writes }
    this.#underWay = change
    const result = await (change.tag === 0 ? this.#unmap(hosts, change) : this.#write(hosts, change))
    if (result.status === 0) this.#state.get(lun)!.fill(change.tag, first, first + count)
    else if (change.tag === 0 || !isPoolFull(result))
      throw new Violation(
        `${change.tag === 0 ? 'UNMAP' : 'WRITE'} ends with ${result.sense?.sense.text ?? result.status}`,
      )
    this.#underWay = undefined
    this.tally.answered += 1
  }

  /** Any part of it. */
  #wasDone({ lun, first, count, tag }: Change): boolean {
    return this.#state
      .get(lun)!
      .subarray(first, first + count)
      .includes(tag)
  }

  #compare(lun: number, tags: Tags, found: Tags, isMapped: readonly boolean[]) {
    const under = this.#underWay?.lun === lun ? this.#underWay : undefined
    for (let grain = 0; grain < this.#grains; grain += 1) {
      const may = [tags[grain]!]
      if (under !== undefined && grain >= under.first && grain < under.first + under.count) may.push(under.tag)
      const is = found[grain]!
      if (!may.includes(is))
        throw new Violation(`LUN ${lun} grain ${grain} should hold ${may.join(' or ')} and holds ${is}`)
      // A grain that was allocated for the write that is not in it is the other half of "before".
      const wanted = may.some((tag) => (tag !== 0) === isMapped[grain])
      if (!wanted || (is !== 0 && !isMapped[grain]))
        throw new Violation(`LUN ${lun} grain ${grain} holds ${is} and is ${isMapped[grain] ? '' : 'not '}mapped`)
    }
  }

  #write(hosts: Hosts, { lun, first, count, tag }: Change): Promise<CommandResult> {
    const data = Buffer.alloc(count * GRAIN_BYTES)
    new Uint32Array(data.buffer, data.byteOffset, data.length / 4).fill(tag)
    const cdb = WRITE_10.encode({ lba: first * GRAIN_BLOCKS, blocks: count * GRAIN_BLOCKS })
    return hosts.two.execute({ lun, cdb, dataOut: data })
  }

  #unmap(hosts: Hosts, { lun, first, count }: Change): Promise<CommandResult> {
    const list = encodeUnmapList([{ lba: BigInt(first * GRAIN_BLOCKS), blocks: count * GRAIN_BLOCKS }])
    return hosts.two.execute({ lun, cdb: UNMAP.encode({ parameterListLength: list.length }), dataOut: list })
  }

  /** The tag of each grain; a grain that holds several is a Violation. */
  async #read(hosts: Hosts, lun: number): Promise<Tags> {
    const tags = new Uint32Array(this.#grains)
    const blocks = this.#grains * GRAIN_BLOCKS
    for (let lba = 0; lba < blocks; lba += READ_BLOCKS) {
      const count = Math.min(READ_BLOCKS, blocks - lba)
      const cdb = READ_10.encode({ lba, blocks: count })
      const data = await hosts.two.good('READ', { lun, cdb, dataInLength: count * BLOCK_BYTES })
      const words = new Uint32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length))
      for (let grain = 0; grain < count / GRAIN_BLOCKS; grain += 1) {
        const at = (grain * GRAIN_BYTES) / 4
        const tag = words[at]!
        if (words.subarray(at, at + GRAIN_BYTES / 4).some((word) => word !== tag))
          throw new Violation(`LUN ${lun} grain ${lba / GRAIN_BLOCKS + grain} is torn`)
        tags[lba / GRAIN_BLOCKS + grain] = tag
      }
    }
    return tags
  }

  async #mapped(hosts: Hosts, lun: number): Promise<boolean[]> {
    const mapped = new Array<boolean>(this.#grains).fill(false)
    const end = this.#grains * GRAIN_BLOCKS
    for (let next = 0; next < end; ) {
      const cdb = GET_LBA_STATUS.encode({ lba: BigInt(next), allocationLength: STATUS_LENGTH })
      const data = await hosts.two.good('GET LBA STATUS', { lun, cdb, dataInLength: STATUS_LENGTH })
      const { descriptors } = decodeLbaStatus(data)
      if (descriptors.length === 0) throw new Violation(`GET LBA STATUS of LUN ${lun} at ${next} tells nothing`)
      for (const { lba, blocks, provisioningStatus } of descriptors) {
        const first = Number(lba) / GRAIN_BLOCKS
        next = Number(lba) + blocks
        mapped.fill(provisioningStatus === PROVISIONING_STATUS.MAPPED, first, Math.ceil(next / GRAIN_BLOCKS))
      }
    }
    return mapped
  }

  async #resources(hosts: Hosts, lun: number): Promise<{ used: number; available: number }> {
    const cdb = LOG_SENSE.encode({ pc: 1, pageCode: LOG_PAGE.LOGICAL_BLOCK_PROVISIONING, allocationLength: 512 })
    const data = await hosts.two.good('LOG SENSE', { lun, cdb, dataInLength: 512 })
    const parameters = decodeLogParameters(decodeLogPage(data).body)
    const count = (code: number) => {
      const value = parameters.find(({ parameterCode }) => parameterCode === code)?.value
      if (value === undefined) throw new Violation(`LUN ${lun} has no log parameter ${code}`)
      return RESOURCE_COUNT.decode(value).resourceCount
    }
    return { used: count(PROVISIONING_PARAMETER.USED), available: count(PROVISIONING_PARAMETER.AVAILABLE) }
  }
}

/** A resource count is that of the bytes, rounded either way. */
function requireNear(what: string, count: number, bytes: number) {
  if (count === Math.floor(bytes / RESOURCE_BYTES) || count === Math.ceil(bytes / RESOURCE_BYTES)) return
  throw new Violation(`${what} is told as ${count * RESOURCE_BYTES} bytes and is ${bytes}`)
}

function isPoolFull({ sense }: CommandResult): boolean {
  const { key, asc, ascq } = SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT
  return sense?.sense.key === key && sense.sense.asc === asc && sense.sense.ascq === ascq
}
