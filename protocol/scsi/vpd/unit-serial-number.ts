// Unit Serial Number (80h, SPC-4 7.8.15): ASCII, unique within the vendor, the same on every path.

import { encodeVpdPage, VPD_PAGE, vpdBody } from './page.ts'

export const encodeUnitSerialNumber = (serial: string): Buffer =>
  encodeVpdPage(VPD_PAGE.UNIT_SERIAL_NUMBER, Buffer.from(serial, 'latin1'))

export const decodeUnitSerialNumber = (source: Buffer): string =>
  vpdBody(VPD_PAGE.UNIT_SERIAL_NUMBER, source).toString('latin1').trim()
