// What is done about commands that are not answered in time: ABORT TASK, LOGICAL UNIT RESET, the end of the connection.

import { expect, test } from 'vitest'
import { TASK_MANAGEMENT_RESPONSE_CODE } from '../../protocol/index.ts'
import { Escalation } from '../../src/host/initiator/escalation.ts'

const { FUNCTION_COMPLETE, TASK_DOES_NOT_EXIST, FUNCTION_REJECTED } = TASK_MANAGEMENT_RESPONSE_CODE
const LUN = 3

const late = (escalation: Escalation<string>, command: string) =>
  escalation.step({ kind: 'expired', command, lun: LUN })
const aborted = (escalation: Escalation<string>, command: string, response?: number) =>
  escalation.step({ kind: 'abort answered', command, response })
const reset = (escalation: Escalation<string>, response?: number) =>
  escalation.step({ kind: 'reset answered', lun: LUN, response })

test('ABORT TASK, once, and nothing more where it is complete', () => {
  const escalation = new Escalation<string>()
  expect(late(escalation, 'a')).toEqual([{ kind: 'abort', command: 'a' }])
  expect(late(escalation, 'a')).toEqual([])
  expect(aborted(escalation, 'a', FUNCTION_COMPLETE)).toEqual([])
  expect(late(escalation, 'a')).toEqual([{ kind: 'abort', command: 'a' }])
})

test('the task does not exist: the target will not answer it', () => {
  const escalation = new Escalation<string>()
  late(escalation, 'a')
  expect(aborted(escalation, 'a', TASK_DOES_NOT_EXIST)).toEqual([{ kind: 'forget', command: 'a' }])
})

test.each([
  ['not answered', undefined],
  ['refused', FUNCTION_REJECTED],
])('ABORT TASK %s: one reset for all', (_, response) => {
  const escalation = new Escalation<string>()
  late(escalation, 'a')
  late(escalation, 'b')
  expect(aborted(escalation, 'a', response)).toEqual([{ kind: 'reset', lun: LUN }])
  expect(aborted(escalation, 'b', response)).toEqual([])
  expect(late(escalation, 'c')).toEqual([])
  for (const command of ['a', 'b', 'c']) escalation.step({ kind: 'ended', command })
  expect(reset(escalation, FUNCTION_COMPLETE)).toEqual([])
  expect(late(escalation, 'c')).toEqual([{ kind: 'abort', command: 'c' }])
})

test.each([
  ['not answered', undefined],
  ['refused', FUNCTION_REJECTED],
])('reset %s: the connection is dropped', (_, response) => {
  const escalation = new Escalation<string>()
  late(escalation, 'a')
  aborted(escalation, 'a')
  expect(reset(escalation, response)).toMatchObject([{ kind: 'drop' }])
})

test('a command that left after the reset was sent, and is late before it is done: ABORT TASK then', () => {
  const escalation = new Escalation<string>()
  late(escalation, 'a')
  aborted(escalation, 'a', FUNCTION_REJECTED)
  expect(late(escalation, 'b')).toEqual([])
  escalation.step({ kind: 'ended', command: 'a' })
  expect(reset(escalation, FUNCTION_COMPLETE)).toEqual([{ kind: 'abort', command: 'b' }])
  expect(aborted(escalation, 'b', TASK_DOES_NOT_EXIST)).toEqual([{ kind: 'forget', command: 'b' }])
})

test('a command that ends while it is aborted: the answer to ABORT TASK means nothing any more', () => {
  const escalation = new Escalation<string>()
  late(escalation, 'a')
  expect(escalation.step({ kind: 'ended', command: 'a' })).toEqual([])
  for (const response of [TASK_DOES_NOT_EXIST, undefined]) expect(aborted(escalation, 'a', response)).toEqual([])
})

test('a new connection begins with nothing', () => {
  const escalation = new Escalation<string>()
  late(escalation, 'a')
  aborted(escalation, 'a')
  late(escalation, 'b')
  escalation.clear()
  expect(aborted(escalation, 'b')).toEqual([])
  expect(late(escalation, 'a')).toEqual([{ kind: 'abort', command: 'a' }])
})
