// A host's journal at work (structures/journal.ts has its record): one record at the start of the host's journal block, written
// before what it says is done and retired after. Replaying it a second time changes nothing, so a replay may be cut as well.

import { VmfsError } from './errors.ts'
import {
  decodeJournalRecord,
  encodeJournalRecord,
  type JournalBounds,
  type JournalImage,
  journalRecordBytes,
  journalRecordLength,
  MAX_JOURNAL_IMAGES,
} from './structures/journal.ts'
import { type SectorImage, type TransactionLog, type VolumeIo, writeInPlace } from './transaction.ts'

export class HostJournal implements TransactionLog {
  /** Sectors that one record has room for. */
  readonly capacity: number
  readonly #volume: VolumeIo
  readonly #offset: number
  readonly #writer: string
  readonly #bounds: JournalBounds
  #sequence = 0n
  /** A record was written, and it is not known how much of what it says was done. */
  #isInDoubt = false

  /** `offset` is that of the journal block in the volume, `writer` the host's UUID. */
  constructor(volume: VolumeIo, offset: number, writer: string, bounds: JournalBounds) {
    this.#volume = volume
    this.#offset = offset
    this.#writer = writer
    this.#bounds = bounds
    this.capacity = capacityOf(bounds)
  }

  /** Makes the block a journal with nothing to replay, whatever it held: before a heartbeat slot names it. */
  async start(): Promise<void> {
    await this.#write([])
    await this.#volume.flush()
  }

  requireSettled(): void {
    if (this.#isInDoubt)
      throw new VmfsError(
        'read-only',
        'an earlier change was cut: close the volume, which finishes it when the device is there again',
      )
  }

  async log(images: readonly SectorImage[]): Promise<void> {
    this.requireSettled()
    this.#isInDoubt = true
    await this.#write(images.map(({ offset, image }) => ({ volumeOffset: offset, data: image })))
    await this.#volume.flush()
  }

  /** Not flushed: until it is on the medium a replay writes what stands there already. */
  async retire(): Promise<void> {
    await this.#write([])
    this.#isInDoubt = false
  }

  /** Whether a replay has to finish, or undo, the last change. */
  get isInDoubt(): boolean {
    return this.#isInDoubt
  }

  async #write(images: readonly JournalImage[]): Promise<void> {
    this.#sequence++
    const record = { sequence: this.#sequence, writer: this.#writer, images }
    await this.#volume.write(this.#offset, encodeJournalRecord(record, this.#bounds))
  }
}

/**
 * Carries out what the journal of `writer` at `offset` of the volume says, and flushes. A record that was torn was never begun.
 * @returns how many sectors it changed
 * @throws VmfsError 'unsupported' for a journal that another program wrote, 'damaged' for a place where none can be
 */
export async function replayJournal(
  volume: VolumeIo,
  offset: number,
  writer: string,
  bounds: JournalBounds,
): Promise<number> {
  if (offset % bounds.sectorBytes !== 0 || offset + bounds.journalBytes > bounds.volumeBytes)
    throw new VmfsError(
      'damaged',
      `the journal of host ${writer} is said to be at byte ${offset} of the volume`,
      offset,
    )
  const head = await volume.read(offset, bounds.sectorBytes)
  const length = journalRecordLength(head, bounds)
  if (length === undefined)
    throw new VmfsError(
      'unsupported',
      `host ${writer} has left a journal that Lunette did not write: open the volume once with the program that did`,
      offset,
    )
  const record = decodeJournalRecord(await volume.read(offset, length), bounds)
  if (record?.writer !== writer || record.images.length === 0) return 0
  await writeInPlace(
    volume,
    record.images.map(({ volumeOffset, data }) => ({ offset: volumeOffset, image: data })),
  )
  return record.images.length
}

function capacityOf({ journalBytes, sectorBytes }: JournalBounds): number {
  let sectors = Math.min(MAX_JOURNAL_IMAGES, Math.floor(journalBytes / sectorBytes))
  while (journalRecordBytes(new Array<number>(sectors).fill(sectorBytes), sectorBytes) > journalBytes) sectors--
  return sectors
}
