// Device Identification (83h, SPC-4 7.8.6): a list of designation descriptors.

import { type Designator, decodeDesignators, encodeDesignator } from '../designator.ts'
import { encodeVpdPage, VPD_PAGE, vpdBody } from './page.ts'

export const encodeDeviceIdentification = (designators: readonly Designator[]): Buffer =>
  encodeVpdPage(VPD_PAGE.DEVICE_IDENTIFICATION, Buffer.concat(designators.map(encodeDesignator)))

/** A WireError's offset counts from the first descriptor. */
export const decodeDeviceIdentification = (source: Buffer): Designator[] =>
  decodeDesignators(vpdBody(VPD_PAGE.DEVICE_IDENTIFICATION, source))
