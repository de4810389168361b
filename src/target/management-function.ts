// What a task management function is to those that carry it out: its request, its outcome, and the logical unit that it names.

import { TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE } from '../../protocol/iscsi/task-management-response.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { Session, SessionConnection } from './session.ts'
import type { Target } from './target.ts'
import type { Task } from './task.ts'

export interface TaskManagementRequest {
  readonly function: number
  readonly lunKey: number
  readonly referencedTaskTag: number
  readonly cmdSn: number
  readonly refCmdSn: number
  readonly expDataSn: number
}

export interface Outcome {
  readonly response: number
  /** Additional response information: three bytes (RFC 7144, SAM-5 7.10). */
  readonly information?: number
  /** The tasks whose end the response waits for. */
  readonly aborted: readonly Task[]
  /** What tasks have left behind, and what reaches the unit from elsewhere: its end is waited for too. */
  readonly stopping?: readonly Pick<Task, 'ended'>[]
  /** TARGET COLD RESET: every session of the target ends once the response is out. */
  readonly dropSessions?: true
  /** What begins when the response has been said, on the connection of the request. */
  readonly proceed?: (connection: SessionConnection) => void
}

export type Manage = (session: Session, target: Target, request: TaskManagementRequest) => Outcome

/** The iSCSIProtocolLevel of RFC 7144. */
const SCSI_FEATURES_LEVEL = 2

/** Whether an iSCSIProtocolLevel includes the functions of RFC 7144. */
export const hasQueries = (iscsiProtocolLevel: number): boolean => iscsiProtocolLevel >= SCSI_FEATURES_LEVEL

export const answer = (response: number): Outcome => ({ response, aborted: [] })

/** A function of the logical unit that the request names. */
export function onUnit(run: (session: Session, lu: LogicalUnit) => Outcome): Manage {
  return (session, target, request) => {
    const lu = target.find(request.lunKey, session.nexus)
    return lu ? run(session, lu) : answer(RESPONSE.LUN_DOES_NOT_EXIST)
  }
}
