// MODE SELECT with SP (SPC-4 6.12): the saved and the current values that a restart finds are those before or after the command.
// A command changes two pages at once: never one of them alone.

import {
  CACHING,
  CONTROL,
  decodeModeParameters,
  encodeModeSelectList,
  MODE_SELECT_10,
  MODE_SENSE_10,
} from '../../protocol/index.ts'
import type { Random } from './random.ts'
import { type Hosts, type Subject, Tally, Violation } from './subject.ts'

const ALLOCATION_LENGTH = 512
const ALL_PAGES = 0x3f
const PAGE_CONTROL = { CURRENT: 0, SAVED: 3 } as const
const LIST_HEADER = { mediumType: 0, wp: false, dpoFua: false }

interface Modes {
  readonly wce: boolean
  readonly swp: boolean
  readonly tas: boolean
}
interface Pages {
  readonly caching: Buffer
  readonly control: Buffer
}

const describe = ({ wce, swp, tas }: Modes) => `WCE ${Number(wce)} SWP ${Number(swp)} TAS ${Number(tas)}`

export class SavedModes implements Subject {
  readonly name = 'MODE SELECT with SP'
  readonly tally = new Tally()
  readonly #lun: number
  readonly #random: Random
  #state: Modes | undefined
  #underWay: Modes | undefined

  constructor(lun: number, random: Random) {
    this.#lun = lun
    this.#random = random
  }

  async verify(hosts: Hosts): Promise<void> {
    const current = modesOf(await this.#sense(hosts, PAGE_CONTROL.CURRENT))
    if (this.#state !== undefined) {
      const saved = modesOf(await this.#sense(hosts, PAGE_CONTROL.SAVED))
      if (describe(saved) !== describe(current))
        throw new Violation(`what is saved is ${describe(saved)} and what is current ${describe(current)}`)
      const may = [this.#state, ...(this.#underWay === undefined ? [] : [this.#underWay])].map(describe)
      if (!may.includes(describe(current)))
        throw new Violation(`it should be ${may.join(' or ')} and is ${describe(current)}`)
    }
    if (this.#underWay !== undefined && this.#state !== undefined && describe(this.#underWay) !== describe(this.#state))
      this.tally[describe(current) === describe(this.#state) ? 'notDone' : 'done'] += 1
    this.#state = current
    this.#underWay = undefined
  }

  async step(hosts: Hosts): Promise<void> {
    const bits = this.#random.below(8)
    const wanted = { wce: (bits & 1) !== 0, swp: (bits & 2) !== 0, tas: (bits & 4) !== 0 }
    const { caching, control } = await this.#sense(hosts, PAGE_CONTROL.CURRENT)
    const { wce, ...inControl } = wanted
    const list = encodeModeSelectList(10, LIST_HEADER, [
      CACHING.encode({ ...CACHING.decode(caching), ps: false, wce }),
      CONTROL.encode({ ...CONTROL.decode(control), ps: false, ...inControl }),
    ])
    this.#underWay = wanted
    const cdb = MODE_SELECT_10.encode({ pf: true, sp: true, parameterListLength: list.length })
    await hosts.one.good('MODE SELECT', { lun: this.#lun, cdb, dataOut: list })
    this.#state = wanted
    this.#underWay = undefined
    this.tally.answered += 1
  }

  async #sense(hosts: Hosts, pc: number): Promise<Pages> {
    const cdb = MODE_SENSE_10.encode({ dbd: true, pc, pageCode: ALL_PAGES, allocationLength: ALLOCATION_LENGTH })
    const data = await hosts.one.good('MODE SENSE', { lun: this.#lun, cdb, dataInLength: ALLOCATION_LENGTH })
    const { pages } = decodeModeParameters(10, data)
    const page = (code: number) =>
      pages.find(({ pageCode, subpageCode }) => pageCode === code && subpageCode === 0)!.bytes
    return { caching: page(0x08), control: page(0x0a) }
  }
}

function modesOf({ caching, control }: Pages): Modes {
  const { swp, tas } = CONTROL.decode(control)
  return { wce: CACHING.decode(caching).wce, swp, tas }
}
