// Who writes to a volume: the UUID that a heartbeat slot carries. The UUID of a run names the kernel and the process, so that
// a later run on the same kernel can tell that an earlier one is over, and replay its journal without being asked. Of any other
// host an offline tool knows nothing: its stamp proves nothing about its life.

import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { decodeUuid, encodeUuid, UUID_BYTES } from './structures/uuid.ts'

/** Where a UUID holds its parts: the time, the process, random bits, and the kernel in place of a MAC address. */
const AT = { seconds: 0, process: 4, random: 8, kernel: 10 } as const
const KERNEL_BYTES = 6
/** No process of Linux has a number beyond them (PID_MAX_LIMIT); the bits above are random. */
const PROCESS_BITS = 22

/** A UUID for this process to open one volume under: hosts of one process that come in the same second have different ones. */
export function makeHostUuid(): string {
  const raw = Buffer.alloc(UUID_BYTES)
  raw.writeUInt32LE(Math.floor(Date.now() / 1000) % 2 ** 32, AT.seconds)
  raw.writeUInt32LE(((randomBytes(4).readUInt32LE() << PROCESS_BITS) | process.pid) >>> 0, AT.process)
  randomBytes(2).copy(raw, AT.random)
  const kernel = thisKernel() ?? randomBytes(KERNEL_BYTES)
  kernel.copy(raw, AT.kernel)
  return decodeUuid(raw)
}

/** Whether `uuid` is of a process of this very kernel that has ended; of anyone else it cannot be told, and is not said. */
export function isEndedProcess(uuid: string): boolean {
  const raw = encodeUuid(uuid)
  const kernel = thisKernel()
  if (!kernel?.equals(raw.subarray(AT.kernel))) return false
  try {
    process.kill(raw.readUInt32LE(AT.process) % 2 ** PROCESS_BITS, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/**
 * Bytes that differ between kernels, boots and containers: process ids mean something within them alone. Undefined where the
 * system does not tell.
 */
function thisKernel(): Buffer | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const processes = readlinkSync('/proc/self/ns/pid')
    const digest = createHash('sha256').update(`${boot} ${processes}`).digest().subarray(0, KERNEL_BYTES)
    // A locally administered address, as a made-up one must be.
    digest[0] = ((digest[0] ?? 0) & 0xfc) | 0x02
    return digest
  } catch {
    return undefined
  }
}
