// The task management functions of RFC 7144 and SAM-5 7 that ask, and I_T NEXUS RESET: for sessions with an
// iSCSIProtocolLevel of 2 or more. What they find is told by FUNCTION SUCCEEDED, that there is nothing by FUNCTION COMPLETE.

import { TASK_MANAGEMENT_FUNCTION as FUNCTION } from '../../protocol/iscsi/task-management-request.ts'
import { TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE } from '../../protocol/iscsi/task-management-response.ts'
import { SENSE } from '../../protocol/scsi/sense.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { answer, type Manage, type Outcome, onUnit, type TaskManagementRequest } from './management-function.ts'
import type { Session } from './session.ts'
import type { Target } from './target.ts'
import { abortTasks } from './task.ts'

/** UADE DEPTH (SAM-5 7.10): one condition, or more than one. */
const DEPTH_ONE = 0x10
const DEPTH_MORE = 0x20

export const RFC_7144_FUNCTIONS: ReadonlyMap<number, Manage> = new Map<number, Manage>([
  [FUNCTION.QUERY_TASK, queryTask],
  [FUNCTION.QUERY_TASK_SET, onUnit(({ nexus }, lu) => found(lu.tasks.all().some((task) => task.nexus === nexus)))],
  [FUNCTION.I_T_NEXUS_RESET, resetNexus],
  [FUNCTION.QUERY_ASYNCHRONOUS_EVENT, onUnit(queryAsynchronousEvent)],
])

const found = (any: boolean): Outcome => answer(any ? RESPONSE.FUNCTION_SUCCEEDED : RESPONSE.FUNCTION_COMPLETE)

function queryTask(session: Session, target: Target, { lunKey, referencedTaskTag }: TaskManagementRequest): Outcome {
  if (!target.find(lunKey, session.nexus)) return answer(RESPONSE.LUN_DOES_NOT_EXIST)
  return found(session.tasks.get(referencedTaskTag)?.lunKey === lunKey)
}

/** SAM-5 7.10: the unit attention that would be reported next, which stays. */
function queryAsynchronousEvent({ nexus }: Session, { unitAttentions }: LogicalUnit): Outcome {
  const pending = unitAttentions.peek(nexus)
  if (!pending) return found(false)
  const { key, asc, ascq } = pending.sense
  const depth = unitAttentions.depth(nexus) > 1 ? DEPTH_MORE : DEPTH_ONE
  return { ...found(true), information: ((depth | key) << 16) | (asc << 8) | ascq }
}

/** SAM-5 6.3.4, 7.6: as if the session had ended and come back, but that it stays. */
function resetNexus(session: Session, target: Target, { cmdSn }: TaskManagementRequest): Outcome {
  session.window.advanceTo(cmdSn)
  const aborted = [...session.tasks.values()].filter(({ immediate, hasPlace }) => immediate || hasPlace)
  const stopping = target.units.flatMap((unit) => unit.copies.background(session.nexus))
  abortTasks(aborted)
  for (const unit of target.units) loseNexus(unit, session)
  return { response: RESPONSE.FUNCTION_COMPLETE, aborted, stopping }
}

function loseNexus(unit: LogicalUnit, { nexus }: Session): void {
  unit.loseNexus(nexus)
  unit.unitAttentions.attach(nexus)
  unit.unitAttentions.establish(nexus, SENSE.I_T_NEXUS_LOSS_OCCURRED)
}
