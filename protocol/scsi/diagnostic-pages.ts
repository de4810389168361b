// Diagnostic pages (SPC-4 7.2), both ways: their common header, and the list of those that there are.

import { u8, u16 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'

/** SPC-4 7.2.1. Of page 00h the second byte is reserved, other pages use it. */
export const DIAGNOSTIC_PAGE = layout('diagnostic page', 'SPC-4 7.2.1', 4, [
  u8('pageCode'),
  u8('pageCodeSpecific'),
  u16('pageLength'), // 2-3
])

/** Supported Diagnostic Pages (SPC-4 7.2.3). */
export const SUPPORTED_DIAGNOSTIC_PAGES = 0x00

/** The list that RECEIVE DIAGNOSTIC RESULTS returns: page codes, ascending. */
export function encodeSupportedDiagnosticPages(pages: readonly number[]): Buffer {
  const header = DIAGNOSTIC_PAGE.encode({ pageCode: SUPPORTED_DIAGNOSTIC_PAGES, pageLength: pages.length })
  return Buffer.concat([header, Buffer.from(pages)])
}
