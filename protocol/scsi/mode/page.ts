// What all mode pages share (SPC-3 7.4.5): the header in its two forms, and the name of a page: page and subpage code.

import { bits, flag, u8, u16 } from '../../wire/fields.ts'
import type { Layout } from '../../wire/layout.ts'

/** The header of a page without a subpage, as its first fields; PS is one where the page can be saved. */
export const pageHeader = <const Code extends number>(code: Code, length: number) =>
  [flag('ps'), bits(1, 'spf', 0), bits(6, 'pageCode', code), u8('pageLength', length)] as const

/** The header of a subpage, as its first fields. */
export const subpageHeader = <const Code extends number>(code: Code, subpage: number, length: number) =>
  [
    flag('ps'),
    bits(1, 'spf', 1),
    bits(6, 'pageCode', code),
    u8('subpageCode', subpage),
    u16('pageLength', length),
  ] as const

/** PAGE CODE and SUBPAGE CODE that ask for everything (SPC-4 6.13). */
export const ALL_PAGES = 0x3f
export const ALL_SUBPAGES = 0xff

export interface ModePageCode {
  readonly pageCode: number
  /** Zero for a page without subpages. */
  readonly subpageCode: number
}

/** The codes that a page's layout fixes. */
export function modePageCode(page: Layout): ModePageCode {
  const fixed = (name: string): number => {
    const field = page.fields.find((f) => f.name === name)
    return field?.kind === 'fixed' ? field.value : 0
  }
  return { pageCode: fixed('pageCode'), subpageCode: fixed('subpageCode') }
}
