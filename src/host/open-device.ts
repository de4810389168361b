// A VOLUME as users write it: the URL of a LUN, or the path of an image or a disk of this machine.

import { OperatorError } from '../errors.ts'
import type { BlockDevice } from './block-device.ts'
import { type FileDeviceOptions, openFileDevice } from './file-device.ts'
import { openIscsiDevice } from './iscsi-device.ts'
import { type BesideUrl, openLogicalUnit } from './open-logical-unit.ts'
import { parseIscsiUrl } from './url.ts'

export interface DeviceOptions extends FileDeviceOptions {
  /** For a LUN: what its URL does not say. */
  readonly iscsi?: BesideUrl
}

const ISCSI = /^iscsi:/i
const OTHER_URL = /^[a-z][a-z0-9+.-]*:\/\//i

/**
 * Opens what a URL `iscsi://...` or a path names.
 * @throws OperatorError for what is neither, or no disk; what `openLogicalUnit` throws
 */
export async function openDevice(volume: string, { iscsi, ...options }: DeviceOptions = {}): Promise<BlockDevice> {
  if (ISCSI.test(volume)) return await openLun(volume, iscsi)
  if (OTHER_URL.test(volume))
    throw new OperatorError(
      `${JSON.stringify(volume)} is no volume: name iscsi://HOST[:PORT]/TARGET-NAME/LUN or a path`,
    )
  return await openFileDevice(volume, options)
}

async function openLun(url: string, beside?: BesideUrl): Promise<BlockDevice> {
  const { host, port, targetName, lun } = parseIscsiUrl(url)
  const unit = await openLogicalUnit(url, beside)
  try {
    return await openIscsiDevice(
      unit,
      `iscsi://${host.includes(':') ? `[${host}]` : host}:${port}/${targetName}/${lun}`,
    )
  } catch (error) {
    await unit.close().catch(() => {}) // the cause of the failure is what matters
    throw error
  }
}
