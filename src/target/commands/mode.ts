// MODE SENSE(6) and (10) (SPC-4 6.13, 6.14) and MODE SELECT(6) and (10) (SPC-4 6.11, 6.12).

import type { MODE_SELECT_6, MODE_SELECT_10 } from '../../../protocol/scsi/commands/mode-select.ts'
import type { MODE_SENSE_6, MODE_SENSE_10 } from '../../../protocol/scsi/commands/mode-sense.ts'
import { ALL_PAGES, ALL_SUBPAGES, type ModePageCode } from '../../../protocol/scsi/mode/page.ts'
import {
  type BlockDescriptor,
  decodeModeSelectList,
  encodeModeParameters,
  type ModeCdb,
  type ModePage,
} from '../../../protocol/scsi/mode/parameter-list.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import { invalidCdbField, invalidParameter } from '../device-server.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { PAGE_CONTROL } from '../mode-parameters.ts'
import type { Task } from '../task.ts'
import { decodeParameters, parameterList } from './parameters.ts'

type ModeSense = typeof MODE_SENSE_6 | typeof MODE_SENSE_10
type ModeSelect = typeof MODE_SELECT_6 | typeof MODE_SELECT_10

const cdbOf = (task: Task): ModeCdb => (task.row.wire.size === 6 ? 6 : 10)

export function modeSense(task: Task<ModeSense>): void {
  const { lu, cdb } = task
  if (cdb.pc === PAGE_CONTROL.SAVED && !lu.modes.canSave) throw new SenseError(SENSE.SAVING_PARAMETERS_NOT_SUPPORTED)
  const codes = lu.modes.codes.filter((code) => isAskedFor(code, cdb.pageCode, cdb.subpageCode))
  if (codes.length === 0) {
    const known = lu.modes.codes.some((code) => isAskedFor(code, cdb.pageCode, ALL_SUBPAGES))
    throw invalidCdbField(task, known ? 'subpageCode' : 'pageCode')
  }
  const pages = codes.map((code) => lu.modes.page(code, cdb.pc))
  const longLba = 'llbaa' in cdb && cdb.llbaa
  const header = { mediumType: 0, wp: lu.writeProtected, dpoFua: lu.dpoFua }
  const withDescriptor = cdb.dbd ? header : { ...header, blockDescriptor: blockDescriptor(lu, longLba) }
  task.respondWith(encodeModeParameters(cdbOf(task), withDescriptor, pages), cdb.allocationLength)
}

/** 3Fh is every page; FFh every subpage, zero the page itself (SPC-4 table 162). */
function isAskedFor(code: ModePageCode, pageCode: number, subpageCode: number): boolean {
  if (pageCode !== ALL_PAGES && code.pageCode !== pageCode) return false
  return subpageCode === ALL_SUBPAGES || code.subpageCode === subpageCode
}

const blockDescriptor = (lu: LogicalUnit, longLba: boolean): BlockDescriptor => ({
  blocks: BigInt(lu.blocks),
  blockLength: lu.blockSize,
  longLba,
})

/** The pages of one command are judged together, and taken or refused together (SPC-4 6.11). */
export async function modeSelect(task: Task<ModeSelect>): Promise<void> {
  const { lu } = task
  const { pf, sp, parameterListLength } = task.cdb
  if (!pf) throw invalidCdbField(task, 'pf') // pages in a vendor's format
  if (sp && !lu.modes.canSave) throw invalidCdbField(task, 'sp')
  const pages = parameterListLength === 0 ? [] : await receivePages(task, parameterListLength)
  const cached = await lu.modes.inTurn(async () => {
    task.throwIfAborted()
    const { writeCache } = lu.modes
    if (await lu.modes.select(pages, sp)) lu.unitAttentions.establishForAll(SENSE.MODE_PARAMETERS_CHANGED, task.nexus)
    return writeCache
  })
  if (cached && !lu.modes.writeCache) await writeBack(lu)
}

async function receivePages(task: Task<ModeSelect>, length: number): Promise<readonly ModePage[]> {
  const { lu } = task
  const list = await parameterList(task, length)
  const { mediumType, blockDescriptor: sent, pages } = decodeParameters(() => decodeModeSelectList(cdbOf(task), list))
  if (mediumType !== 0) throw invalidParameter(task.row.wire.size === 6 ? 1 : 2)
  if (sent) judgeBlockDescriptor(sent, lu, pages[0]?.offset ?? list.length)
  for (const page of pages) {
    const wrong = lu.modes.refused(page)
    if (wrong) throw invalidParameter(page.offset + wrong.byte, wrong.bit)
  }
  return pages
}

/**
 * What is in the cache, and what is on its way there, when WCE becomes zero (SBC-3 6.4.5). SANITIZE and FORMAT UNIT wait for
 * this task, and flush what they write themselves.
 */
async function writeBack(lu: LogicalUnit): Promise<void> {
  const writing = lu.tasks.all().filter(({ row }) => row?.access === 'write' && row.needs === 'medium')
  await Promise.all(writing.map((other) => other.ended))
  await lu.gate.flush()
}

/** The capacity is not MODE SELECT's to change: zero blocks, all of them, or as many as there are (SBC-3 6.4.1). */
function judgeBlockDescriptor({ blocks, blockLength, longLba }: BlockDescriptor, lu: LogicalUnit, end: number): void {
  const length = longLba ? 16 : 8
  const all = longLba ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn
  if (blocks !== 0n && blocks !== all && blocks !== BigInt(lu.blocks)) throw invalidParameter(end - length)
  if (blockLength !== lu.blockSize) throw invalidParameter(end - (longLba ? 4 : 3))
}
