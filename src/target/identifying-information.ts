// The names that operators give to a logical unit (SPC-4 6.32, 6.43): one of bytes and one of text. They outlive resets, and
// where the unit has an image also the array.

import { z } from 'zod'
import { IDENTIFYING_INFORMATION } from '../../protocol/scsi/identifying-information.ts'
import type { UnitState } from '../config/unit-state.ts'

const { PERIPHERAL_DEVICE, PERIPHERAL_DEVICE_TEXT } = IDENTIFYING_INFORMATION

/** The types, ascending, and how long each may be (SPC-4 table 298). */
export const INFORMATION_TYPES = [
  { type: PERIPHERAL_DEVICE, maximumLength: 64 },
  { type: PERIPHERAL_DEVICE_TEXT, maximumLength: 256 },
] as const

const PART = 'identifyingInformation'
/** Base64, by type. */
const partSchema = z.record(z.string(), z.base64())

export class IdentifyingInformation {
  readonly #state: UnitState
  #names: ReadonlyMap<number, Buffer>

  /** Throws OperatorError when what was kept makes no sense. */
  constructor(state: UnitState) {
    this.#state = state
    const kept = Object.entries(state.load(PART, partSchema) ?? {})
    this.#names = new Map(kept.map(([type, name]) => [Number(type), Buffer.from(name, 'base64')]))
  }

  /** Empty when none was given. */
  get(type: number): Buffer {
    return this.#names.get(type) ?? Buffer.alloc(0)
  }

  /** Resolves once the name is kept; where it cannot be, it stays as it was. An empty one takes it away. */
  async set(type: number, name: Buffer): Promise<void> {
    const before = this.#names
    const names = new Map(before).set(type, Buffer.from(name))
    if (name.length === 0) names.delete(type)
    this.#names = names
    if (!this.#state.persistent) return
    const part = Object.fromEntries([...names].map(([key, value]) => [key, value.toString('base64')]))
    try {
      await this.#state.save(PART, names.size > 0 ? part : undefined)
    } catch (error) {
      if (this.#names === names) this.#names = before
      throw error
    }
  }
}
