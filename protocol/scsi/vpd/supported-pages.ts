// Supported VPD Pages (00h, SPC-4 7.8.14): the page codes, ascending.

import { encodeVpdPage, VPD_PAGE, vpdBody } from './page.ts'

export const encodeSupportedPages = (pages: Iterable<number>): Buffer =>
  encodeVpdPage(VPD_PAGE.SUPPORTED_PAGES, Buffer.from([...pages].sort((a, b) => a - b)))

export const decodeSupportedPages = (source: Buffer): number[] => [...vpdBody(VPD_PAGE.SUPPORTED_PAGES, source)]
