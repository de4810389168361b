// The mode parameters of one logical unit (SPC-4 5.12, 6.11 to 6.14): the current, changeable, default and saved values of
// its pages, as bytes. What initiators may change takes effect here: the hot path reads plain fields.

import { z } from 'zod'
import { CACHING } from '../../protocol/scsi/mode/caching.ts'
import { CONTROL } from '../../protocol/scsi/mode/control.ts'
import {
  decodeProvisioningThresholds,
  LOGICAL_BLOCK_PROVISIONING_PAGE,
  type Threshold,
} from '../../protocol/scsi/mode/logical-block-provisioning.ts'
import { type ModePageCode, modePageCode } from '../../protocol/scsi/mode/page.ts'
import { READ_WRITE_ERROR_RECOVERY } from '../../protocol/scsi/mode/read-write-error-recovery.ts'
import type { UnitState } from '../config/unit-state.ts'
import { headerLength, type ModePageOptions, type ModePageRow, modePages, type Spot } from './mode-pages.ts'

/** PAGE CONTROL (SPC-4 table 161). */
export const PAGE_CONTROL = { CURRENT: 0, CHANGEABLE: 1, DEFAULT: 2, SAVED: 3 } as const

/** PS, in MODE SENSE: the page can be saved. */
const PS = 0x80

/** The part of the unit's state that holds the pages that are saved with other than their default values. */
const SAVED = 'modePages'
const savedSchema = z.array(
  z.strictObject({
    page: z.int().min(0).max(0x3e),
    subpage: z.int().min(0).max(0xfe),
    bytes: z.string().regex(/^(?:[\da-f]{2})+$/),
  }),
)

type SentPage = ModePageCode & { readonly bytes: Buffer }

/** What initiators have armed (SBC-3 4.7.3.8). */
export interface ArmedThresholds {
  /** SITUA: one I_T nexus hears of a crossing instead of all. */
  readonly single: boolean
  /** In the order of the mode page; none while LBPERE is zero. */
  readonly thresholds: readonly Threshold[]
}

export class ModeParameters {
  /** WCE: a write may end before it is on stable storage. */
  writeCache = false
  /** D_SENSE: sense data in descriptor format. */
  descriptorSense = false
  /** SWP. */
  softwareWriteProtect = false
  /** UA_INTLCK_CTRL. */
  unitAttentionInterlock = 0
  /** TAS: tasks that another nexus aborts end with TASK ABORTED. */
  taskAbortedStatus = false
  /** Told when current values have changed. */
  onChange: (() => void) | undefined

  #pages: readonly ModePageRow[]
  readonly #state: UnitState
  #current: readonly Buffer[]
  #saved: readonly Buffer[]
  #turn: Promise<unknown> = Promise.resolve()

  /** Throws OperatorError when what was saved makes no sense. */
  constructor(options: ModePageOptions, state: UnitState) {
    this.#pages = modePages(options)
    this.#state = state
    const saved = state.load(SAVED, savedSchema) ?? []
    this.#saved = this.#pages.map((row) => {
      const found = saved.find(({ page, subpage }) => page === row.pageCode && subpage === row.subpageCode)
      return found ? restored(row, Buffer.from(found.bytes, 'hex')) : row.defaults
    })
    this.#current = this.#saved
    this.#apply()
  }

  /** Other defaults, and other bits that may be changed: values that are their defaults follow. */
  configure(options: ModePageOptions): void {
    const before = this.#pages
    this.#pages = modePages(options)
    const follow = (values: readonly Buffer[]): Buffer[] =>
      this.#pages.map((row, index) => {
        const value = values[index]!
        return value.equals(before[index]!.defaults) ? row.defaults : restored(row, value)
      })
    this.#saved = follow(this.#saved)
    this.#take(follow(this.#current))
  }

  /** Whether MODE SELECT can save: of a unit whose medium outlives the array. */
  get canSave(): boolean {
    return this.#state.persistent
  }

  /** The codes of all pages, ascending. */
  get codes(): readonly ModePageCode[] {
    return this.#pages
  }

  /** A page by PAGE CONTROL, as MODE SENSE returns it. */
  page(code: ModePageCode, pageControl: number): Buffer {
    const index = this.#indexOf(code)
    const page = Buffer.from(this.#values(pageControl, index))
    if (this.canSave) page[0]! |= PS
    return page
  }

  #values(pageControl: number, index: number): Buffer {
    const { defaults, changeable } = this.#pages[index]!
    switch (pageControl) {
      case PAGE_CONTROL.CHANGEABLE:
        return changeable.map((byte, at) => (at < headerLength(this.#pages[index]!) ? defaults[at]! : byte)) as Buffer
      case PAGE_CONTROL.DEFAULT:
        return defaults
      case PAGE_CONTROL.SAVED:
        return this.#saved[index]!
      default:
        return this.#current[index]!
    }
  }

  /** What is wrong with a page that MODE SELECT sent: its code, its length, or a byte that it may not change. */
  refused(sent: SentPage): Spot | undefined {
    const row = this.#pages[this.#indexOf(sent)]
    if (!row && this.#pages.some(({ pageCode }) => pageCode === sent.pageCode)) return { byte: 1 } // SUBPAGE CODE
    if (!row) return { byte: 0, bit: 5 } // PAGE CODE
    if (sent.bytes.length !== row.defaults.length) return { byte: row.subpageCode === 0 ? 1 : 2 } // PAGE LENGTH
    const byte = sent.bytes.findIndex((value, at) => ((value ^ row.defaults[at]!) & ~row.changeable[at]!) !== 0)
    return byte < 0 ? row.refused?.(sent.bytes) : { byte }
  }

  /** Runs one MODE SELECT after the other: what one saves, the next one finds. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }

  /**
   * Takes pages that `refused` found nothing wrong with; whether any current value is now another one. With `save` all
   * pages are first saved as they then are (SPC-4 6.11); a failure to do so changes nothing.
   */
  async select(pages: readonly SentPage[], save: boolean): Promise<boolean> {
    const next = [...this.#current]
    for (const page of pages) next[this.#indexOf(page)] = Buffer.from(page.bytes)
    if (save) await this.#state.save(SAVED, this.#document(next))
    const fitting = next.map((page, index) => restored(this.#pages[index]!, page)) // they may be others since
    if (save) this.#saved = fitting
    return this.#take(fitting)
  }

  /** A logical unit reset brings the saved values back (SPC-4 5.12). */
  reset(): void {
    this.#take(this.#saved)
  }

  /** Undefined for a unit without thresholds. */
  get thresholds(): ArmedThresholds | undefined {
    const index = this.#indexOf(THRESHOLDS_PAGE)
    if (index < 0) return undefined
    const { situa, thresholds } = decodeProvisioningThresholds(this.#current[index]!)
    const { lbpere } = READ_WRITE_ERROR_RECOVERY.decode(this.#current[this.#indexOf(RECOVERY_PAGE)]!)
    return { single: situa, thresholds: lbpere ? thresholds : [] }
  }

  #take(next: readonly Buffer[]): boolean {
    const changed = next.some((page, index) => !page.equals(this.#current[index]!))
    this.#current = next
    if (!changed) return false
    this.#apply()
    this.onChange?.()
    return true
  }

  #apply(): void {
    this.writeCache = CACHING.decode(this.#current[this.#indexOf(CACHING_PAGE)]!).wce
    const control = CONTROL.decode(this.#current[this.#indexOf(CONTROL_PAGE)]!)
    this.descriptorSense = control.dSense
    this.softwareWriteProtect = control.swp
    this.unitAttentionInterlock = control.uaIntlckCtrl
    this.taskAbortedStatus = control.tas
  }

  /** Defaults are left out: they follow the configuration. */
  #document(pages: readonly Buffer[]): z.output<typeof savedSchema> {
    return this.#pages.flatMap(({ pageCode, subpageCode, defaults }, index) => {
      const bytes = pages[index]!
      return bytes.equals(defaults) ? [] : [{ page: pageCode, subpage: subpageCode, bytes: bytes.toString('hex') }]
    })
  }

  #indexOf({ pageCode, subpageCode }: ModePageCode): number {
    return this.#pages.findIndex((row) => row.pageCode === pageCode && row.subpageCode === subpageCode)
  }
}

const RECOVERY_PAGE = modePageCode(READ_WRITE_ERROR_RECOVERY)
const CACHING_PAGE = modePageCode(CACHING)
const CONTROL_PAGE = modePageCode(CONTROL)
const THRESHOLDS_PAGE = modePageCode(LOGICAL_BLOCK_PROVISIONING_PAGE)

/** What was saved, as far as the unit still lets it be changed: the configuration may be another one since. */
function restored({ defaults, changeable, refused }: ModePageRow, saved: Buffer): Buffer {
  if (saved.length !== defaults.length) return defaults
  const page = Buffer.from(defaults.map((byte, at) => (byte & ~changeable[at]!) | (saved[at]! & changeable[at]!)))
  return refused?.(page) ? defaults : page
}
