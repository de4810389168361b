// A logical unit of any target, with the commands of a disk (SPC-4, SBC-4) as methods. Each command is declared in commands/;
// what becomes of its answer is decided in command-policy.ts.

import { SENSE } from '../../protocol/scsi/sense.ts'
import { STATUS } from '../../protocol/scsi/status.ts'
import { CommandError } from './command-error.ts'
import * as medium from './commands/medium.ts'
import { MalformedAnswerError } from './initiator/errors.ts'
import type { Nexus } from './nexus.ts'
import { PrimaryCommands, type Told } from './primary-commands.ts'

export interface Capacity {
  readonly lastLba: bigint
  /** Bytes of a logical block. */
  readonly blockLength: number
}

/**
 * Every method rejects with a CommandError when the logical unit does not carry the command out, and with an IscsiError when
 * no answer can be had. Unit attentions that only tell of a reset, BUSY and TASK SET FULL are dealt with.
 */
export class LogicalUnit extends PrimaryCommands {
  readonly #nexus: Nexus
  #capacity: Promise<Capacity> | undefined

  constructor(nexus: Nexus, lun: number) {
    super(nexus, lun)
    this.#nexus = nexus
    this.onUnitAttention(({ sense }) => {
      if (sense.asc === SENSE.CAPACITY_DATA_HAS_CHANGED.asc && sense.ascq === SENSE.CAPACITY_DATA_HAS_CHANGED.ascq)
        this.#capacity = undefined
    })
  }

  /** The IP address by which this side reaches the target at the moment. */
  get localAddress(): string | undefined {
    return this.#nexus.localAddress
  }

  /** Another logical unit of the same target, by the same I_T nexus: `close` of either ends both. */
  sibling(lun: number): LogicalUnit {
    return new LogicalUnit(this.#nexus, lun)
  }

  readCapacity10() {
    return this.run(medium.readCapacity10())
  }

  readCapacity16() {
    return this.run(medium.readCapacity16())
  }

  /** Of READ CAPACITY(16), or of READ CAPACITY(10) where a device is too old for it; asked for again when it has changed. */
  capacity(): Promise<Capacity> {
    if (this.#capacity) return this.#capacity
    const asked = this.#askCapacity()
    this.#capacity = asked
    asked.catch(() => {
      if (this.#capacity === asked) this.#capacity = undefined
    })
    return asked
  }

  async read10(lba: number, blocks: number, caching?: medium.Caching): Promise<Buffer> {
    return this.run(medium.read10(lba, blocks, await this.#blockLength(), caching))
  }

  async read16(lba: medium.Lba, blocks: number, caching?: medium.Caching): Promise<Buffer> {
    return this.run(medium.read16(lba, blocks, await this.#blockLength(), caching))
  }

  /** The data are whole blocks, and may not change until it has resolved. */
  async write10(lba: number, data: Buffer, caching?: medium.Caching): Promise<void> {
    return this.run(medium.write10(lba, data, await this.#blockLength(), caching))
  }

  /** The data are whole blocks, and may not change until it has resolved. */
  async write16(lba: medium.Lba, data: Buffer, caching?: medium.Caching): Promise<void> {
    return this.run(medium.write16(lba, data, await this.#blockLength(), caching))
  }

  writeSame16(...args: Told<typeof medium.writeSame16>): Promise<void> {
    return this.run(medium.writeSame16(...args))
  }

  unmap(...args: Told<typeof medium.unmap>): Promise<void> {
    return this.run(medium.unmap(...args))
  }

  /**
   * ATS: writes `replacement` if the medium holds `expected`.
   * @throws MiscompareError where it does not, with the offset of the first byte that differs; nothing is written
   * @throws OutcomeUnknownError when the connection was lost before the answer came: read what is there
   */
  async compareAndWrite(
    lba: medium.Lba,
    expected: Buffer,
    replacement: Buffer,
    caching?: medium.Caching,
  ): Promise<void> {
    return this.run(medium.compareAndWrite(lba, expected, replacement, await this.#blockLength(), caching))
  }

  /** @throws MiscompareError where `data` is given and the medium holds something else */
  async verify16(lba: medium.Lba, blocks: number, data?: Buffer): Promise<void> {
    return this.run(medium.verify16(lba, blocks, await this.#blockLength(), data))
  }

  synchronizeCache10(...args: Told<typeof medium.synchronizeCache10>): Promise<void> {
    return this.run(medium.synchronizeCache10(...args))
  }

  synchronizeCache16(...args: Told<typeof medium.synchronizeCache16>): Promise<void> {
    return this.run(medium.synchronizeCache16(...args))
  }

  getLbaStatus(...args: Told<typeof medium.getLbaStatus>) {
    return this.run(medium.getLbaStatus(...args))
  }

  startStopUnit(...args: Told<typeof medium.startStopUnit>): Promise<void> {
    return this.run(medium.startStopUnit(...args))
  }

  async #blockLength(): Promise<number> {
    return (await this.capacity()).blockLength
  }

  async #askCapacity(): Promise<Capacity> {
    try {
      return await this.readCapacity16()
    } catch (error) {
      const tooOld =
        error instanceof CommandError &&
        error.status === STATUS.CHECK_CONDITION &&
        (error.is(SENSE.INVALID_COMMAND_OPERATION_CODE) || error.is(SENSE.INVALID_FIELD_IN_CDB))
      if (!tooOld) throw error
    }
    const { lastLba, blockLength } = await this.readCapacity10()
    if (lastLba === undefined)
      throw new MalformedAnswerError(`${this.name}: more blocks than READ CAPACITY(10) can tell`)
    return { lastLba, blockLength }
  }
}
