// SEND DIAGNOSTIC (SPC-4 6.42) and RECEIVE DIAGNOSTIC RESULTS (SPC-4 6.27): the default self-test, and the one diagnostic page
// that there is, the list of pages.

import { StoreError } from '../../../luns/errors.ts'
import type { RECEIVE_DIAGNOSTIC_RESULTS, SEND_DIAGNOSTIC } from '../../../protocol/scsi/commands/diagnostic.ts'
import {
  DIAGNOSTIC_PAGE,
  encodeSupportedDiagnosticPages,
  SUPPORTED_DIAGNOSTIC_PAGES,
} from '../../../protocol/scsi/diagnostic-pages.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import { invalidCdbField, invalidParameter } from '../device-server.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import type { Task } from '../task.ts'
import { decodeParameters, parameterList } from './parameters.ts'

/** Self-tests other than the default one keep their results in log page 10h, which is not there: their codes are refused. */
export async function sendDiagnostic(task: Task<typeof SEND_DIAGNOSTIC>): Promise<void> {
  const { pf, selfTest, parameterListLength } = task.cdb
  if (selfTest && parameterListLength !== 0) throw invalidCdbField(task, 'parameterListLength')
  if (selfTest) return testSelf(task.lu)
  if (parameterListLength === 0) return
  if (!pf) throw invalidCdbField(task, 'pf') // parameters in a vendor's format
  const list = await parameterList(task, parameterListLength)
  const { pageCode, pageCodeSpecific, pageLength } = decodeParameters(() => DIAGNOSTIC_PAGE.decode(list))
  if (pageCode !== SUPPORTED_DIAGNOSTIC_PAGES) throw invalidParameter(0)
  if (pageCodeSpecific !== 0) throw invalidParameter(1)
  if (pageLength !== 0) throw invalidParameter(2)
}

/** Both ends of the medium can be read. */
async function testSelf({ gate, blockSize }: LogicalUnit): Promise<void> {
  try {
    await gate.prefetch(0, blockSize)
    await gate.prefetch(gate.length - blockSize, blockSize)
  } catch (error) {
    if (error instanceof StoreError) throw new SenseError(SENSE.LOGICAL_UNIT_FAILED_SELF_TEST)
    throw error
  }
}

/** PCV = 0 asks for what the last SEND DIAGNOSTIC was about, which can only be the list of pages. */
export function receiveDiagnosticResults(task: Task<typeof RECEIVE_DIAGNOSTIC_RESULTS>): void {
  const { pageCode, allocationLength } = task.cdb
  if (pageCode !== SUPPORTED_DIAGNOSTIC_PAGES) throw invalidCdbField(task, 'pageCode')
  task.respondWith(encodeSupportedDiagnosticPages([SUPPORTED_DIAGNOSTIC_PAGES]), allocationLength)
}
