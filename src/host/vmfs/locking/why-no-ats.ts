// Whether an array knows COMPARE AND WRITE: some say so in Block Limits, and refuse it.

import { SENSE } from '../../../../protocol/scsi/sense.ts'
import type { BlockDevice } from '../../block-device.ts'
import { BusyError, CommandError, MiscompareError, ReservationConflictError } from '../../command-error.ts'
import { isShared, type SharedDevice } from '../../shared-device.ts'
import { LOCKING_DEFAULTS } from './settings.ts'

interface ProbeOptions {
  /** Compares with what the medium does not hold. Otherwise a block is replaced by itself, which no array counts as a failure. */
  readonly readOnly?: boolean
}

/**
 * Why a volume on these devices cannot be locked by ATS.
 * @returns nothing where it can
 * @throws what the devices fail with that are not there
 */
export async function whyNoAts(
  devices: readonly BlockDevice[],
  { readOnly = false }: ProbeOptions = {},
): Promise<string | undefined> {
  for (const device of devices) {
    const why = isShared(device) ? await refusal(device, readOnly) : 'is an image or a disk of this machine, not a LUN'
    if (why !== undefined) return `${device.name} ${why}`
  }
  return undefined
}

async function refusal(device: SharedDevice, readOnly: boolean): Promise<string | undefined> {
  if (!device.hasCompareAndWrite) return 'offers no COMPARE AND WRITE in its Block Limits'
  for (let retries = 0; ; retries++) {
    const block = await device.read(0, device.blockBytes)
    const expected = readOnly ? Buffer.from(block.map((byte) => ~byte)) : block
    try {
      await device.compareAndWrite(0, expected, block, LIMITS)
      return undefined
    } catch (error) {
      if (error instanceof MiscompareError) return undefined
      const isBusy = error instanceof ReservationConflictError || error instanceof BusyError
      if (isBusy && retries < LOCKING_DEFAULTS.conflictRetries) {
        await new Promise((resolve) => setTimeout(resolve, LOCKING_DEFAULTS.conflictWaitMs))
        continue
      }
      if (isBusy || !(error instanceof CommandError)) throw error
      if (!error.is(SENSE.INVALID_COMMAND_OPERATION_CODE)) return `refuses COMPARE AND WRITE (${error.message})`
      return 'offers COMPARE AND WRITE in its Block Limits, and does not know it'
    }
  }
}

const LIMITS = { mayLeave: () => true, timeoutMs: LOCKING_DEFAULTS.ioTimeoutMs }
