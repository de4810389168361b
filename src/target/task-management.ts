// Task management functions (SAM-5 7, RFC 7143 11.5): which tasks a function aborts, what else it does, and its response,
// which is given when all of those tasks have ended, so that nothing of them can happen afterwards.

import type { OperationalParameters } from '../../protocol/iscsi/negotiation.ts'
import { lessThan } from '../../protocol/iscsi/serial.ts'
import { TASK_MANAGEMENT_FUNCTION as FUNCTION } from '../../protocol/iscsi/task-management-request.ts'
import { TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE } from '../../protocol/iscsi/task-management-response.ts'
import { SENSE, type Sense } from '../../protocol/scsi/sense.ts'
import type { LogicalUnit } from './logical-unit.ts'
import {
  answer,
  hasQueries,
  type Manage,
  type Outcome,
  onUnit,
  type TaskManagementRequest,
} from './management-function.ts'
import type { Session } from './session.ts'
import type { Target } from './target.ts'
import { abortTasks, type Task } from './task.ts'
import { RFC_7144_FUNCTIONS } from './task-queries.ts'
import { reassignTask } from './task-reassignment.ts'

const NONE: ReadonlyMap<number, Manage> = new Map()

/** Carries out a function; the tasks are told to stop, the caller waits for them. */
export function manage(session: Session, target: Target, request: TaskManagementRequest): Outcome {
  const run = FUNCTIONS.get(request.function) ?? functionsOf(session.parameters).get(request.function)
  if (run) return run(session, target, request)
  return answer(RESPONSE.FUNCTION_NOT_SUPPORTED)
}

/** The functions that a session has beside those of RFC 7143. */
const functionsOf = ({ iscsiProtocolLevel }: OperationalParameters): ReadonlyMap<number, Manage> =>
  hasQueries(iscsiProtocolLevel) ? RFC_7144_FUNCTIONS : NONE

/** Whether the function is about the tasks of one logical unit. */
export const isUnitScoped = ({ function: code }: TaskManagementRequest): boolean => UNIT_SCOPED.has(code)

/** Whether the function is about any number of tasks (RFC 7143 4.2.3.3). */
export const isMultiTask = ({ function: code }: TaskManagementRequest): boolean =>
  UNIT_SCOPED.has(code) || TARGET_SCOPED.has(code)

const UNIT_SCOPED: ReadonlySet<number> = new Set([
  FUNCTION.ABORT_TASK_SET,
  FUNCTION.CLEAR_TASK_SET,
  FUNCTION.LOGICAL_UNIT_RESET,
])

const TARGET_SCOPED: ReadonlySet<number> = new Set([
  FUNCTION.TARGET_WARM_RESET,
  FUNCTION.TARGET_COLD_RESET,
  FUNCTION.I_T_NEXUS_RESET,
])

const FUNCTIONS: ReadonlyMap<number, Manage> = new Map<number, Manage>([
  [FUNCTION.ABORT_TASK, abortTask],
  [FUNCTION.ABORT_TASK_SET, onUnit((session, lu) => complete(tasksOf(session, lu)))],
  [FUNCTION.CLEAR_TASK_SET, onUnit(clearTaskSet)],
  [
    FUNCTION.LOGICAL_UNIT_RESET,
    onUnit((session, lu) =>
      complete(resetUnit(session, lu, SENSE.BUS_DEVICE_RESET_FUNCTION_OCCURRED), lu.freeCopies()),
    ),
  ],
  [FUNCTION.TARGET_WARM_RESET, resetTarget],
  [
    FUNCTION.TARGET_COLD_RESET,
    (session, target, request) => ({ ...resetTarget(session, target, request), dropSessions: true }),
  ],
  [FUNCTION.TASK_REASSIGN, reassignTask],
])

function abortTask(session: Session, target: Target, request: TaskManagementRequest): Outcome {
  const task = session.tasks.get(request.referencedTaskTag)
  if (task && task.lunKey === request.lunKey) return complete([task])
  // A command that has not come counts as received from now on, so that those after it can (RFC 7143 11.5.1).
  if (lessThan(request.refCmdSn, request.cmdSn) && session.window.plug(request.refCmdSn)) {
    session.window.deliver()
    return complete([])
  }
  return answer(target.abortFinished === 'complete' ? RESPONSE.FUNCTION_COMPLETE : RESPONSE.TASK_DOES_NOT_EXIST)
}

/** SAM-5 7.5: the initiators whose commands vanished are told (TST is zero: one task set for all). */
function clearTaskSet(session: Session, lu: LogicalUnit): Outcome {
  const tasks = lu.tasks.all()
  lu.tellAborted(tasks, session.nexus)
  return complete(tasks)
}

/** Also of nexuses that are gone: a write of theirs that still runs must not land after the reset. */
function resetUnit(session: Session, lu: LogicalUnit, sense: Sense): Task[] {
  lu.tellAborted(lu.tasks.all(), session.nexus)
  lu.reset(sense)
  return lu.tasks.all()
}

/** RFC 7143 11.5.1: as if each logical unit that the initiator may reach had been reset. */
function resetTarget(session: Session, target: Target, { cmdSn }: TaskManagementRequest): Outcome {
  // What was sent before it counts as received, whether it comes or not (RFC 7143 4.2.3.3 b).
  session.window.advanceTo(cmdSn)
  const units = target.visible(session.nexus)
  const tasks = units.flatMap((lu) => resetUnit(session, lu, SENSE.SCSI_BUS_RESET_OCCURRED))
  return complete(
    tasks,
    units.flatMap((lu) => lu.freeCopies()),
  )
}

const tasksOf = (session: Session, lu: LogicalUnit): Task[] =>
  lu.tasks.all().filter((task) => task.nexus === session.nexus)

/** `stopping`: what no task waits for, and has been told to stop. */
function complete(aborted: Task[], stopping: Outcome['stopping'] = []): Outcome {
  abortTasks(aborted)
  return { response: RESPONSE.FUNCTION_COMPLETE, aborted, stopping }
}
