// A device of a real array whose host stands still before a command of its own for as long as the test likes: what a host does that
// the system does not let run.

import type { Fence, IoLimits, SharedDevice } from '../../../../src/host/shared-device.ts'

export interface HostCommand {
  readonly kind: 'read' | 'write' | 'compareAndWrite' | 'reserve' | 'release' | 'flush'
  /** Byte of the device. */
  readonly offset?: number
}

export class GatedDevice implements SharedDevice {
  readonly #device: SharedDevice
  /** Awaited before each command. */
  before: (command: HostCommand) => Promise<void> | void = () => {}

  constructor(device: SharedDevice) {
    this.#device = device
  }

  get name() {
    return this.#device.name
  }
  get size() {
    return this.#device.size
  }
  get blockBytes() {
    return this.#device.blockBytes
  }
  get hasCompareAndWrite() {
    return this.#device.hasCompareAndWrite
  }
  get epoch() {
    return this.#device.epoch
  }
  get conflicts() {
    return this.#device.conflicts
  }

  fence(fence: Fence): void {
    this.#device.fence(fence)
  }

  async read(offset: number, length: number) {
    await this.before({ kind: 'read', offset })
    return await this.#device.read(offset, length)
  }

  async write(offset: number, data: Buffer) {
    await this.before({ kind: 'write', offset })
    await this.#device.write(offset, data)
  }

  async flush() {
    await this.before({ kind: 'flush' })
    await this.#device.flush()
  }

  async readNow(offset: number, length: number, limits: IoLimits) {
    await this.before({ kind: 'read', offset })
    return await this.#device.readNow(offset, length, limits)
  }

  async writeNow(offset: number, data: Buffer, limits: IoLimits) {
    await this.before({ kind: 'write', offset })
    await this.#device.writeNow(offset, data, limits)
  }

  async compareAndWrite(offset: number, expected: Buffer, replacement: Buffer, limits: IoLimits) {
    await this.before({ kind: 'compareAndWrite', offset })
    await this.#device.compareAndWrite(offset, expected, replacement, limits)
  }

  async reserve() {
    await this.before({ kind: 'reserve' })
    await this.#device.reserve()
  }

  async release() {
    await this.before({ kind: 'release' })
    await this.#device.release()
  }

  close() {
    return this.#device.close()
  }
}
