// Carries a format out, a piece at a time: what has to be zero is read first and written only where it is not, so that
// a thin LUN stays thin.

import type { BlockDevice } from '../block-device.ts'
import type { FormatRegion } from './format-regions.ts'
import type { LogicalVolume } from './logical-volume.ts'
import { LVM_DATA_OFFSET } from './structures/lvm.ts'
import { MIB } from './version.ts'

/** In bytes. */
export interface FormatProgress {
  readonly done: number
  readonly total: number
}

/** What reads and writes alike: a device, or the volume over several. */
type Medium = Pick<LogicalVolume, 'read' | 'write'>

const PIECE = MIB
const ZEROS = Buffer.alloc(PIECE)
/** Behind what a volume may use there can be the second copy of a GUID partition table. */
const TAIL = MIB

export class FormatWriter {
  readonly #devices: readonly BlockDevice[]
  readonly #volume: LogicalVolume
  readonly #regions: readonly FormatRegion[]
  readonly #onProgress: ((progress: FormatProgress) => void) | undefined
  readonly #total: number
  #done = 0

  constructor(
    devices: readonly BlockDevice[],
    volume: LogicalVolume,
    regions: readonly FormatRegion[],
    onProgress?: (progress: FormatProgress) => void,
  ) {
    this.#devices = devices
    this.#volume = volume
    this.#regions = regions
    this.#onProgress = onProgress
    const regionBytes = regions.reduce((sum, { length }) => sum + length, 0)
    this.#total = devices.length * (LVM_DATA_OFFSET + TAIL) + regionBytes
  }

  /** Takes away what names the devices' former content; the medium has lost it when this resolves. */
  async clearDevices(): Promise<void> {
    for (const device of this.#devices) {
      await this.#zero(device, 0, LVM_DATA_OFFSET)
      await this.#zero(device, device.size - TAIL, TAIL)
    }
    await this.#volume.flush()
  }

  async writeRegions(): Promise<void> {
    for (const { offset, length, data } of this.#regions)
      if (data) await this.#put(offset, data())
      else await this.#zero(this.#volume, offset, length)
  }

  async #put(offset: number, data: Buffer): Promise<void> {
    for (let at = 0; at < data.length; at += PIECE) {
      const piece = data.subarray(at, at + PIECE)
      await this.#volume.write(offset + at, piece)
      this.#progress(piece.length)
    }
  }

  async #zero(medium: Medium, offset: number, length: number): Promise<void> {
    for (let at = 0; at < length; at += PIECE) {
      const zeros = ZEROS.subarray(0, Math.min(PIECE, length - at))
      const found = await medium.read(offset + at, zeros.length)
      if (!found.equals(zeros)) await medium.write(offset + at, zeros)
      this.#progress(zeros.length)
    }
  }

  #progress(bytes: number): void {
    this.#done += bytes
    this.#onProgress?.({ done: this.#done, total: this.#total })
  }
}
