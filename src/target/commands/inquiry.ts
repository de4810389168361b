// INQUIRY (SPC-4 6.6): what the logical unit is. Its vital product data pages are a table of their own.

import type { INQUIRY } from '../../../protocol/scsi/commands/inquiry.ts'
import { encodeStandardInquiry, VERSION_DESCRIPTOR } from '../../../protocol/scsi/inquiry.ts'
import { VPD_PAGE } from '../../../protocol/scsi/vpd/page.ts'
import { encodeSupportedPages } from '../../../protocol/scsi/vpd/supported-pages.ts'
import { invalidCdbField } from '../device-server.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import type { Task } from '../task.ts'
import { VPD_PAGES, vpdPagesOf } from '../vpd-pages.ts'

/** The INQUIRY VERSION of SPC-3; the one after it is SPC-4's. */
const VERSION_SPC_3 = 5
/** TPGS (SPC-4 table 143). */
const TPGS_IMPLICIT_AND_EXPLICIT = 3

export function inquiry(task: Task<typeof INQUIRY>): void {
  const { evpd, pageCode, allocationLength } = task.cdb
  if (evpd) task.respondWith(vitalProductData(task, pageCode), allocationLength)
  else if (pageCode !== 0) throw invalidCdbField(task, 'pageCode')
  else task.respondWith(standardInquiry(task.lu), allocationLength)
}

function vitalProductData(task: Task, pageCode: number): Buffer {
  if (pageCode === VPD_PAGE.SUPPORTED_PAGES)
    return encodeSupportedPages([VPD_PAGE.SUPPORTED_PAGES, ...vpdPagesOf(task.lu)])
  const page = vpdPagesOf(task.lu).includes(pageCode) ? VPD_PAGES.get(pageCode) : undefined
  if (!page) throw invalidCdbField(task, 'pageCode')
  return page(task.lu, task.nexus, task.target)
}

export function standardInquiry(lu: LogicalUnit): Buffer {
  const { vendor, product, revision } = lu.identity
  const { SAM_5, SPC_3, SPC_4, SBC_3, ISCSI } = VERSION_DESCRIPTOR
  return encodeStandardInquiry({
    version: lu.scsiVersion,
    rmb: lu.medium.removable,
    hiSup: true,
    tpgs: TPGS_IMPLICIT_AND_EXPLICIT,
    cmdQue: true,
    threePc: lu.vaai.clone,
    vendor,
    product,
    revision,
    versionDescriptors: [SAM_5, lu.scsiVersion === VERSION_SPC_3 ? SPC_3 : SPC_4, SBC_3, ISCSI],
  })
}
