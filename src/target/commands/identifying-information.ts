// REPORT IDENTIFYING INFORMATION (SPC-4 6.32) and SET IDENTIFYING INFORMATION (SPC-4 6.43).

import type {
  REPORT_IDENTIFYING_INFORMATION,
  SET_IDENTIFYING_INFORMATION,
} from '../../../protocol/scsi/commands/identifying-information.ts'
import {
  encodeIdentifyingInformation,
  encodeSupportedIdentifyingInformation,
  IDENTIFYING_INFORMATION,
} from '../../../protocol/scsi/identifying-information.ts'
import { SENSE } from '../../../protocol/scsi/sense.ts'
import { invalidCdbField, requireAtMost } from '../device-server.ts'
import { INFORMATION_TYPES } from '../identifying-information.ts'
import type { Task } from '../task.ts'
import { parameterList } from './parameters.ts'

export function reportIdentifyingInformation(task: Task<typeof REPORT_IDENTIFYING_INFORMATION>): void {
  const { informationType, allocationLength } = task.cdb
  const data =
    informationType === IDENTIFYING_INFORMATION.SUPPORTED
      ? encodeSupportedIdentifyingInformation(INFORMATION_TYPES)
      : encodeIdentifyingInformation(task.lu.identifyingInformation.get(known(task, informationType).type))
  task.respondWith(data, allocationLength)
}

/** A list of no length takes the information away. */
export async function setIdentifyingInformation(task: Task<typeof SET_IDENTIFYING_INFORMATION>): Promise<void> {
  const { lu, nexus, cdb } = task
  const { informationType, parameterListLength } = cdb
  const { type, maximumLength } = known(task, informationType)
  requireAtMost(task, 'parameterListLength', parameterListLength, maximumLength)
  const information = await parameterList(task, parameterListLength)
  task.throwIfAborted()
  await lu.identifyingInformation.set(type, information)
  lu.unitAttentions.establishForAll(SENSE.DEVICE_IDENTIFIER_CHANGED, nexus)
}

function known(task: Task, informationType: number): (typeof INFORMATION_TYPES)[number] {
  const found = INFORMATION_TYPES.find(({ type }) => type === informationType)
  if (!found) throw invalidCdbField(task, 'informationType')
  return found
}
