// The ErrorRecoveryLevel that a target's configuration allows (RFC 7143 13.20): the smaller of it and what the initiator asks
// for, whichever way it logs in.

import { expect, test } from 'vitest'
import { LOGIN_STAGE, REJECT_REASON, SNACK_TYPE, TARGET_OPCODE } from '../../protocol/index.ts'
import { arrayForTest, memory, type TestArray } from './array.ts'
import { keysOf, type RawInitiator, text } from './raw.ts'
import { change } from './reconfiguring.ts'
import { snack } from './recovering.ts'

const {
  SECURITY_NEGOTIATION: SECURITY,
  LOGIN_OPERATIONAL_NEGOTIATION: OPERATIONAL,
  FULL_FEATURE_PHASE: FULL,
} = LOGIN_STAGE
const ASKED = { ErrorRecoveryLevel: '2' }

const nameOf = (array: TestArray, level: number): string => `${array.iqn}-${level}`
const limited = (array: TestArray, errorRecoveryLevel: 0 | 1 | 2) => ({
  iqn: nameOf(array, errorRecoveryLevel),
  errorRecoveryLevel,
  luns: [memory()],
})

async function withLevels(): Promise<TestArray> {
  const array = await arrayForTest([memory()])
  await change(array, [memory()], {}, limited(array, 0), limited(array, 1), limited(array, 2))
  return array
}

async function levelOf(raw: RawInitiator, targetName: string, ErrorRecoveryLevel: string): Promise<string | undefined> {
  return (await raw.login(targetName, { ErrorRecoveryLevel })).ErrorRecoveryLevel
}

test.each([0, 1, 2])('a target of level %i: the smaller of it and what is offered', async (level) => {
  const array = await withLevels()
  for (const offered of [0, 1, 2])
    expect(await levelOf(await array.raw(), nameOf(array, level), `${offered}`)).toBe(`${Math.min(level, offered)}`)
})

test('a login that begins with the security stage', async () => {
  const array = await withLevels()
  const raw = await array.raw()
  const names = { InitiatorName: raw.initiatorName, TargetName: nameOf(array, 1) }
  const toOperational = { transit: true, currentStage: SECURITY, nextStage: OPERATIONAL }
  expect((await raw.loginStep(text({ ...names, AuthMethod: 'None' }), toOperational)).header.statusClass).toBe(0)
  const { data } = await raw.loginStep(text(ASKED), { transit: true, currentStage: OPERATIONAL, nextStage: FULL })
  expect(keysOf(data).ErrorRecoveryLevel).toBe('1')
})

test('the target named behind the level, in the same text', async () => {
  const array = await withLevels()
  const raw = await array.raw()
  const keys = { ...ASKED, TargetName: nameOf(array, 0), InitiatorName: raw.initiatorName }
  const { data } = await raw.loginStep(text(keys), { transit: true, currentStage: OPERATIONAL, nextStage: FULL })
  expect(keysOf(data).ErrorRecoveryLevel).toBe('0')
})

test('a target of level 0: nothing is kept to be sent again, a SNACK is rejected', async () => {
  const array = await withLevels()
  const raw = await array.raw()
  await raw.login(nameOf(array, 0), ASKED)
  snack(raw, SNACK_TYPE.STATUS, { begRun: 0, runLength: 0 })
  expect((await raw.take(TARGET_OPCODE.REJECT)).header.reason).toBe(REJECT_REASON.COMMAND_NOT_SUPPORTED)
})

test('a running array that changes it: logins from then on, sessions stay what they are', async () => {
  const array = await arrayForTest([memory()])
  const raw = await array.rawSession(ASKED)
  expect(await change(array, [memory()], { errorRecoveryLevel: 0 })).toEqual([
    `${array.iqn}: errorRecoveryLevel 2 -> 0`,
  ])
  expect(await levelOf(await array.raw(), array.iqn, '2')).toBe('0')
  snack(raw, SNACK_TYPE.STATUS, { begRun: 0, runLength: 0 }) // all statuses that are not acknowledged: none
  await raw.expectSilence()
})
