// REPORT TARGET PORT GROUPS (SPC-4 6.37) and SET TARGET PORT GROUPS (SPC-4 6.45): asymmetric logical unit access (SPC-4 5.11).
// Both work in every state of the port that they come through, and are about the logical unit that they are sent to.

import type {
  REPORT_TARGET_PORT_GROUPS,
  SET_TARGET_PORT_GROUPS,
} from '../../../protocol/scsi/commands/target-port-groups.ts'
import { SENSE } from '../../../protocol/scsi/sense.ts'
import {
  decodeSetTargetPortGroups,
  encodeTargetPortGroups,
  PORT_GROUPS_FORMAT,
  setTargetPortGroupOffset,
} from '../../../protocol/scsi/target-port-groups.ts'
import { invalidCdbField, invalidParameter } from '../device-server.ts'
import type { Task } from '../task.ts'
import { decodeParameters, parameterList } from './parameters.ts'

/** Bytes of a set target port group descriptor up to its TARGET PORT GROUP OR TARGET PORT, and the first bit of its state. */
const GROUP_BYTE = 2
const STATE_BIT = 3

export function reportTargetPortGroups(task: Task<typeof REPORT_TARGET_PORT_GROUPS>): void {
  const { parameterDataFormat, allocationLength } = task.cdb
  if (parameterDataFormat > PORT_GROUPS_FORMAT.EXTENDED) throw invalidCdbField(task, 'parameterDataFormat')
  task.respondWith(
    encodeTargetPortGroups(task.target.portGroups.report(task.lu), parameterDataFormat),
    allocationLength,
  )
}

/** All descriptors are judged before the first group changes. */
export async function setTargetPortGroups(task: Task<typeof SET_TARGET_PORT_GROUPS>): Promise<void> {
  const { parameterListLength } = task.cdb
  if (parameterListLength === 0) return
  const list = await parameterList(task, parameterListLength)
  task.throwIfAborted()
  const { lu, nexus } = task
  const { portGroups } = task.target
  const states = new Map<number, number>()
  for (const [index, { group, state }] of decodeParameters(() => decodeSetTargetPortGroups(list)).entries()) {
    const at = setTargetPortGroupOffset(index)
    if (!portGroups.takes(state)) throw invalidParameter(at, STATE_BIT)
    if (!portGroups.has(group) || states.has(group)) throw invalidParameter(at + GROUP_BYTE)
    states.set(group, state)
  }
  if (portGroups.set(lu, states)) lu.unitAttentions.establishForAll(SENSE.ASYMMETRIC_ACCESS_STATE_CHANGED, nexus)
}
