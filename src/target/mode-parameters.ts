// The mode pages of one logical unit: a table of pages, each with its current and its changeable values (SPC-4 6.13,
// SBC-3 6.4). What initiators may change here takes effect here: WCE, D_SENSE and SWP.

import { CACHING } from '../../protocol/scsi/mode/caching.ts'
import { CONTROL, CONTROL_EXTENSION } from '../../protocol/scsi/mode/control.ts'
import { DISCONNECT_RECONNECT } from '../../protocol/scsi/mode/disconnect-reconnect.ts'
import { INFORMATIONAL_EXCEPTIONS_CONTROL } from '../../protocol/scsi/mode/informational-exceptions.ts'
import { type ModePageCode, modePageCode } from '../../protocol/scsi/mode/page.ts'
import { READ_WRITE_ERROR_RECOVERY } from '../../protocol/scsi/mode/read-write-error-recovery.ts'

/** What initiators can change. */
interface Values {
  /** WCE: a write may end before it is on stable storage. */
  writeCache: boolean
  /** D_SENSE: sense data in descriptor format. */
  descriptorSense: boolean
  /** SWP. */
  softwareWriteProtect: boolean
}

interface Page extends ModePageCode {
  /** The whole page with these values. */
  readonly encode: (values: Values) => Buffer
  /** Bits that MODE SELECT may change, over the whole page. */
  readonly changeable: Buffer
  /** Takes what MODE SELECT sent. */
  readonly select?: (page: Buffer, values: Values) => void
}

/** QUEUE ALGORITHM MODIFIER: commands may be reordered, as far as data integrity allows (SPC-4 7.5.8). */
const UNRESTRICTED_REORDERING = 1

const fixed = (
  layout: typeof CONTROL_EXTENSION | typeof DISCONNECT_RECONNECT | typeof READ_WRITE_ERROR_RECOVERY,
): Page => ({
  ...modePageCode(layout),
  encode: () => layout.encode({}),
  changeable: Buffer.alloc(layout.size),
})

/** In ascending order of page and subpage code. */
const PAGES: readonly Page[] = [
  fixed(READ_WRITE_ERROR_RECOVERY),
  fixed(DISCONNECT_RECONNECT),
  {
    ...modePageCode(CACHING),
    encode: ({ writeCache }) => CACHING.encode({ wce: writeCache }),
    changeable: mask(CACHING.encode({ wce: true })),
    select: (page, values) => {
      values.writeCache = CACHING.decode(page).wce
    },
  },
  {
    ...modePageCode(CONTROL),
    encode: ({ descriptorSense, softwareWriteProtect }) =>
      CONTROL.encode({
        dSense: descriptorSense,
        swp: softwareWriteProtect,
        queueAlgorithmModifier: UNRESTRICTED_REORDERING,
      }),
    changeable: mask(CONTROL.encode({ dSense: true, swp: true })),
    select: (page, values) => {
      const { dSense, swp } = CONTROL.decode(page)
      values.descriptorSense = dSense
      values.softwareWriteProtect = swp
    },
  },
  fixed(CONTROL_EXTENSION),
  {
    ...modePageCode(INFORMATIONAL_EXCEPTIONS_CONTROL),
    encode: () => INFORMATIONAL_EXCEPTIONS_CONTROL.encode({ dexcpt: true }), // no failure is foreseen: none is reported
    changeable: Buffer.alloc(INFORMATIONAL_EXCEPTIONS_CONTROL.size),
  },
]

/** A page's changeable values: the header bytes, code and length, are not among them. */
function mask(page: Buffer): Buffer {
  const bits = Buffer.from(page)
  bits.fill(0, 0, 2)
  return bits
}

/** PAGE CONTROL (SPC-4 table 161). */
export const PAGE_CONTROL = { CURRENT: 0, CHANGEABLE: 1, DEFAULT: 2, SAVED: 3 } as const

export class ModeParameters {
  readonly #defaults: Readonly<Values>
  #current: Values

  constructor({ writeCache }: { writeCache: boolean }) {
    this.#defaults = { writeCache, descriptorSense: false, softwareWriteProtect: false }
    this.#current = { ...this.#defaults }
  }

  get writeCache(): boolean {
    return this.#current.writeCache
  }

  get descriptorSense(): boolean {
    return this.#current.descriptorSense
  }

  get softwareWriteProtect(): boolean {
    return this.#current.softwareWriteProtect
  }

  /** The codes of all pages, ascending. */
  get codes(): readonly ModePageCode[] {
    return PAGES
  }

  /** A page by PAGE CONTROL current, changeable or default. */
  page(code: ModePageCode, pageControl: number): Buffer {
    const page = find(code) as Page
    if (pageControl === PAGE_CONTROL.CHANGEABLE) {
      const bits = page.encode(this.#current).fill(0, code.subpageCode === 0 ? 2 : 4)
      for (const [index, byte] of page.changeable.entries()) bits[index]! |= byte
      return bits
    }
    return page.encode(pageControl === PAGE_CONTROL.DEFAULT ? this.#defaults : this.#current)
  }

  /**
   * Where a page that MODE SELECT sent differs from what it may be: the byte, or undefined where it may be taken; -1 for a
   * page that does not exist or has another length.
   */
  refused(code: ModePageCode, sent: Buffer): number | undefined {
    const page = find(code)
    if (!page || sent.length !== page.changeable.length) return -1
    const current = page.encode(this.#current)
    const at = sent.findIndex((byte, index) => ((byte ^ current[index]!) & ~page.changeable[index]!) !== 0)
    return at < 0 ? undefined : at
  }

  /** Takes pages that `refused` found nothing wrong with; whether anything is now different. */
  select(pages: readonly (ModePageCode & { readonly bytes: Buffer })[]): boolean {
    const before = this.#current
    this.#current = { ...before }
    for (const page of pages) find(page)?.select?.(page.bytes, this.#current)
    const { writeCache, descriptorSense, softwareWriteProtect } = this.#current
    return (
      writeCache !== before.writeCache ||
      descriptorSense !== before.descriptorSense ||
      softwareWriteProtect !== before.softwareWriteProtect
    )
  }

  /** A logical unit reset brings the defaults back, nothing being saved (SPC-4 5.15). */
  reset(): void {
    this.#current = { ...this.#defaults }
  }
}

const find = ({ pageCode, subpageCode }: ModePageCode): Page | undefined =>
  PAGES.find((page) => page.pageCode === pageCode && page.subpageCode === subpageCode)
