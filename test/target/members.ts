// A session of several connections, scripted: one line of command numbers and of task tags for all of them.

import { TEST_UNIT_READY } from '../../protocol/index.ts'
import { type Keys, type LoginFields, type LoginResponse, type RawInitiator, text } from './raw.ts'

/** An array that gives out connections. */
interface Raws {
  raw(): Promise<RawInitiator>
}

const TO_FULL_FEATURE = { transit: true, currentStage: 1, nextStage: 3 } as const

/** Makes a connection one of the session that `lead` began, as far as the initiator is concerned. */
function adopt(raw: RawInitiator, lead: RawInitiator, cid: number): void {
  Object.assign(raw, { isid: lead.isid, tsih: lead.tsih, cid })
  raw.takeTag = () => lead.takeTag()
  Object.defineProperty(raw, 'cmdSn', {
    get: () => lead.cmdSn,
    set: (cmdSn: number) => {
      lead.cmdSn = cmdSn
    },
  })
}

/** What a login that would join the session is answered, and its connection. */
export async function tryJoin(
  array: Raws,
  lead: RawInitiator,
  targetName: string,
  fields: LoginFields = {},
  keys: Keys = {},
): Promise<{ readonly raw: RawInitiator; readonly response: LoginResponse }> {
  const raw = await array.raw()
  adopt(raw, lead, fields.cid ?? 1)
  const names = { InitiatorName: raw.initiatorName, TargetName: targetName }
  const response = await raw.loginStep(text({ ...names, ...keys }), { ...TO_FULL_FEATURE, ...fields })
  return { raw, response }
}

/** A connection more for the session; throws when the target does not go along. */
export async function join(
  array: Raws,
  lead: RawInitiator,
  targetName: string,
  cid: number,
  keys: Keys = {},
): Promise<RawInitiator> {
  const { raw, response } = await tryJoin(array, lead, targetName, { cid }, keys)
  const { header } = response
  if (header.statusClass !== 0 || !header.transit) throw new Error(`login: ${JSON.stringify(header)}`)
  raw.digests = { header: keys.HeaderDigest === 'CRC32C', data: keys.DataDigest === 'CRC32C' }
  return raw
}

/** A session of `count` connections, CIDs from 0 on, its unit attentions taken. */
export async function members(
  array: Raws,
  targetName: string,
  count: number,
  keys: Keys = {},
  luns: readonly number[] = [0],
): Promise<RawInitiator[]> {
  const lead = await array.raw()
  await lead.login(targetName, { MaxConnections: '8', ...keys })
  for (const lun of luns) {
    lead.command(TEST_UNIT_READY.encode({}), { lun })
    await lead.response()
  }
  const all = [lead]
  while (all.length < count) all.push(await join(array, lead, targetName, all.length))
  return all
}
