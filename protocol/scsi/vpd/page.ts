// Vital product data (SPC-4 7.8.1): the header that all pages share, and the reading of pages of any age.

import { WireError } from '../../wire/error.ts'
import { type Field, ignored, u8, u16, type ValuesOf } from '../../wire/fields.ts'

import { type Layout, layout } from '../../wire/layout.ts'

export const VPD_PAGE = {
  SUPPORTED_PAGES: 0x00,
  UNIT_SERIAL_NUMBER: 0x80,
  DEVICE_IDENTIFICATION: 0x83,
  MANAGEMENT_NETWORK_ADDRESSES: 0x85,
  EXTENDED_INQUIRY: 0x86,
  MODE_PAGE_POLICY: 0x87,
  SCSI_PORTS: 0x88,
  THIRD_PARTY_COPY: 0x8f,
  BLOCK_LIMITS: 0xb0,
  BLOCK_DEVICE_CHARACTERISTICS: 0xb1,
  LOGICAL_BLOCK_PROVISIONING: 0xb2,
} as const

const HEADER = layout('VPD page', 'SPC-4 7.8.1', 4, [
  ignored(8), // PERIPHERAL QUALIFIER and DEVICE TYPE: zero is a direct access block device
  u8('pageCode'),
  u16('pageLength'), // 2-3
])

/** The header as the first fields of a page with a fixed length. */
export const vpdHeader = <const Code extends number>(code: Code, length: number) =>
  [ignored(8), u8('pageCode', code), u16('pageLength', length)] as const

/** A page of any length. */
export function encodeVpdPage(pageCode: number, body: Buffer): Buffer {
  return Buffer.concat([HEADER.encode({ pageCode, pageLength: body.length }), body])
}

/** What follows the header. Throws a WireError when it is another page or ends before its PAGE LENGTH. */
export function vpdBody(pageCode: number, source: Buffer): Buffer {
  const { pageCode: found, pageLength } = HEADER.decode(source)
  if (found !== pageCode) throw new WireError(HEADER.name, 'pageCode', 1, 'bad value', `${found} is not ${pageCode}`)
  const end = HEADER.size + pageLength
  if (end > source.length)
    throw new WireError(HEADER.name, 'pageLength', 2, 'truncated', `${source.length} of ${end} bytes`)
  return source.subarray(HEADER.size, end)
}

/**
 * Reads a page of fixed layout that a device of any age sent: the fields that its page length leaves out are zero, those
 * that the layout does not know are passed over. Throws a WireError as `vpdBody` does.
 */
export function decodeVpdPage<const Fields extends readonly Field[]>(
  page: Layout<Fields>,
  source: Buffer,
): ValuesOf<Fields> {
  const template = page.encode({})
  vpdBody(template[1]!, source).copy(template, HEADER.size)
  return page.decode(template)
}
