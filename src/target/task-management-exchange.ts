// Task Management Function Requests on a connection (RFC 7143 11.5, 11.6): when a function may begin, and its response, which
// is given when everything that it ends has ended, on whatever connections of whatever sessions.

import type { FramedPdu } from '../../protocol/iscsi/framer.ts'
import { RESERVED_TAG, TARGET_OPCODE } from '../../protocol/iscsi/opcodes.ts'
import { REJECT_REASON } from '../../protocol/iscsi/reject.ts'
import { TASK_MANAGEMENT_REQUEST } from '../../protocol/iscsi/task-management-request.ts'
import { allConnectionsDropped } from './announcements.ts'
import type { FullFeature } from './full-feature.ts'
import { LIMITS } from './limits.ts'
import { isUnitScoped, manage, type TaskManagementRequest } from './task-management.ts'

const COLD_RESET = 'target cold reset'

export function manageTasks(phase: FullFeature, pdu: FramedPdu): void {
  const { session, port } = phase
  const decoded = TASK_MANAGEMENT_REQUEST.decode(pdu.header, pdu.headerOffset)
  if (session.managing >= LIMITS.taskManagementPerSession)
    return phase.reject(pdu, REJECT_REASON.IMMEDIATE_COMMAND_REJECT)
  const { lun, initiatorTaskTag } = decoded
  const lunKey = lun.readUInt32BE(4) === 0 ? lun.readUInt32BE(0) : RESERVED_TAG
  const request = { ...decoded, lunKey }
  // Commands that were sent before it on other connections belong to the tasks that it is about (RFC 7143 4.2.3.3 b).
  if (session.spread && isUnitScoped(request) && session.window.isAwaiting(request.cmdSn)) {
    session.managing++
    session.window.whenReached(request.cmdSn, port, () => {
      session.managing--
      begin(phase, request, initiatorTaskTag)
    })
  } else begin(phase, request, initiatorTaskTag)
}

function begin(phase: FullFeature, request: TaskManagementRequest, initiatorTaskTag: number): void {
  const { session, port } = phase
  const target = session.target
  if (!target || session.closed) return
  const { response, aborted, dropSessions } = manage(session, target, request)
  const done = (): void => {
    if (session.closed) return
    port.send(TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE, { response, initiatorTaskTag }, { statSn: true })
    port.flushSoon()
    if (!dropSessions) return
    for (const other of target.sessions) void other.close(COLD_RESET, allConnectionsDropped(other.parameters))
  }
  if (aborted.length === 0) return done()
  session.managing++
  void Promise.all(aborted.map((task) => task.ended)).then(() => {
    session.managing--
    done()
  })
}
