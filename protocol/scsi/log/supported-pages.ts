// Supported Log Pages (00h) and Supported Log Pages and Subpages (00h/FFh), SPC-4 7.3: which there are.

import { WireError } from '../../wire/error.ts'
import { encodeLogPage, LOG_PAGE, type LogPageCode, SUPPORTED_SUBPAGES } from './page.ts'

const { SUPPORTED_PAGES } = LOG_PAGE

/** Page codes, ascending. */
export const encodeSupportedLogPages = (pageCodes: readonly number[]): Buffer =>
  encodeLogPage({ ds: false, pageCode: SUPPORTED_PAGES, subpageCode: 0, body: Buffer.from(pageCodes) })

/** Page and subpage codes, ascending. */
export const encodeSupportedLogSubpages = (codes: readonly LogPageCode[]): Buffer =>
  encodeLogPage({
    ds: false,
    pageCode: SUPPORTED_PAGES,
    subpageCode: SUPPORTED_SUBPAGES,
    body: Buffer.from(codes.flatMap(({ pageCode, subpageCode }) => [pageCode, subpageCode])),
  })

/** Reads the body of page 00h/FFh. */
export function decodeSupportedLogSubpages(body: Buffer): LogPageCode[] {
  if (body.length % 2 !== 0)
    throw new WireError('Supported Log Pages and Subpages', 'pageLength', 2, 'bad length', `${body.length}`)
  return Array.from({ length: body.length / 2 }, (_, i) => ({
    pageCode: body[2 * i]! & 0x3f,
    subpageCode: body[2 * i + 1]!,
  }))
}
