// Logins: through the security stage and past it, with many keys, in one text or in pieces, to join a session or to take one
// over; and everything that is nearly one. Of a login that succeeds it is kept what was settled.

import { CHAP_ALGORITHM_NAMES, type ChapTerms } from '../../protocol/iscsi/chap.ts'
import { ChapPeer } from '../../protocol/iscsi/chap-peer.ts'
import {
  encodePdu,
  INITIATOR_OPCODE,
  LOGIN_STAGE,
  type Opcode,
  type Pdu,
  parseText,
  TARGET_OPCODE,
} from '../../protocol/iscsi/index.ts'
import { CHAP_CRYPTO } from '../../src/chap-crypto.ts'
import { mutateHeader } from './mutation.ts'
import type { Random } from './random.ts'
import type { FuzzStream } from './stream.ts'
import { type LiveSession, remember, type Settled, type World } from './world.ts'

const { SECURITY_NEGOTIATION: SECURITY, LOGIN_OPERATIONAL_NEGOTIATION: OPERATIONAL, FULL_FEATURE_PHASE } = LOGIN_STAGE
const ANSWER_MS = 5_000
/** Requests of one login: a target that wants more is not asked. */
const MAX_ROUNDS = 40
const TARGET_RECEIVES = 256 * 1024

/** Values that a peer may offer. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  HeaderDigest: ['None', 'CRC32C', 'None,CRC32C', 'CRC32C,None'],
  DataDigest: ['None', 'CRC32C', 'None,CRC32C', 'CRC32C,None'],
  MaxConnections: ['1', '2', '8', '65535'],
  InitialR2T: ['Yes', 'No'],
  ImmediateData: ['Yes', 'No'],
  MaxRecvDataSegmentLength: ['512', '8192', '65536', '262144', '16777215', '0x40000'],
  MaxBurstLength: ['512', '8192', '262144', '1048576', '16777215'],
  FirstBurstLength: ['512', '8192', '65536', '262144', '16777215'],
  // What is retained must be gone when the array is to be calm again.
  DefaultTime2Wait: ['0', '2', '3'],
  DefaultTime2Retain: ['0', '1', '20'],
  MaxOutstandingR2T: ['1', '4', '65535'],
  DataPDUInOrder: ['Yes', 'No'],
  DataSequenceInOrder: ['Yes', 'No'],
  ErrorRecoveryLevel: ['0', '1', '2'],
  TaskReporting: ['RFC3720', 'ResponseFence', 'FastAbort', 'FastAbort,ResponseFence,RFC3720'],
  iSCSIProtocolLevel: ['0', '1', '2', '31'],
  IFMarker: ['Yes', 'No'],
  OFMarker: ['Yes', 'No'],
  InitiatorAlias: ['fuzz', 'ü'.repeat(100)],
  'X-com.example.fuzz': ['1', 'y'.repeat(255)],
  'X#NodeArchitecture': ['fuzz'],
}
const WRONG_VALUES = [
  '',
  '-1',
  '0',
  '99999999999',
  '0x',
  'Maybe',
  'None,None',
  'Reject',
  'NotUnderstood',
  'z'.repeat(300),
]
const AUTH = ['None', 'None', 'CHAP,None', 'None,CHAP', 'CHAP', 'KRB5,SRP,CHAP,None', 'X-com.example']
const AUTH_KEYS: readonly Pair[] = [
  ['CHAP_A', '5'],
  ['CHAP_A', '7,6,5'],
  ['CHAP_N', 'alice'],
  ['CHAP_R', `0x${'00'.repeat(16)}`],
  ['CHAP_R', `0b${'A'.repeat(1000)}`],
  ['CHAP_I', '1'],
  ['CHAP_C', `0x${'41'.repeat(1024)}`],
]

/** What a connection that joins a session may still settle (RFC 7143 13: IO, ALL). */
const OF_CONNECTIONS = [
  'HeaderDigest',
  'DataDigest',
  'MaxRecvDataSegmentLength',
  'InitiatorAlias',
  'X-com.example.fuzz',
]

/** What holds until it is settled otherwise (RFC 7143 13). */
const DEFAULTS: Settled = {
  digests: { header: false, data: false },
  cid: 0,
  discovery: false,
  immediateData: true,
  initialR2T: true,
  firstBurstLength: 65_536,
  errorRecoveryLevel: 0,
  maxRecvDataSegmentLength: TARGET_RECEIVES,
}

type Pair = readonly [key: string, value: string]

export interface LoggedIn {
  readonly settled: Settled
  readonly cmdSn: number
  readonly expStatSn: number
}

/** Who logs in, and to what session. */
interface Identity extends LiveSession {
  readonly discovery: boolean
}

interface Phase {
  readonly identity: Identity
  readonly tag: number
  readonly cmdSn: number
  expStatSn: number
  /** Of a wrong login a PDU is changed now and then. */
  readonly wrong: boolean
  /** What the target has said, in all and in its last answer. */
  readonly answered: Map<string, string>
  answer: Map<string, string>
  /** Where the target wants to know who logs in. */
  readonly peer: ChapPeer | undefined
}

/** Undefined when the login has failed, as many are meant to. */
export async function login(stream: FuzzStream, random: Random, world: World): Promise<LoggedIn | undefined> {
  const wrong = random.chance(0.2)
  const identity = chooseIdentity(random, world)
  const cmdSn = random.chance(0.9) ? 1 + random.below(100) : random.pick([0, 0x7fff_fff0, 0xffff_fff8])
  const peer = identity.targetName === world.guarded?.targetName ? chapPeer(world.guarded.terms, random) : undefined
  const texts = { answered: new Map(), answer: new Map() }
  const phase: Phase = { identity, tag: random.below(1000), cmdSn, expStatSn: 0, wrong, peer, ...texts }
  let stage: number = peer || random.chance(0.6) ? SECURITY : OPERATIONAL
  let pairs = [...names(identity, random), ...stageKeys(stage, phase, random)]
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const to = stage === SECURITY && random.chance(0.85) ? OPERATIONAL : FULL_FEATURE_PHASE
    const answer = await exchange(stream, phase, random, { stage, to, pairs })
    if (answer?.header.opcode !== TARGET_OPCODE.LOGIN_RESPONSE || answer.header.statusClass !== 0) return undefined
    const { transit, nextStage, tsih } = answer.header
    pairs = stage === SECURITY && !transit ? prove(phase, random) : []
    if (!transit) continue
    if (nextStage === FULL_FEATURE_PHASE) return settle(stream, phase, tsih, world)
    if (nextStage !== stage) pairs = stageKeys(nextStage, phase, random)
    stage = nextStage
  }
  return undefined
}

function chapPeer({ chap, mutual }: Omit<ChapTerms, 'algorithms'>, random: Random): ChapPeer {
  const algorithms = CHAP_ALGORITHM_NAMES.filter(() => random.chance(0.7))
  return new ChapPeer({ chap, mutual: random.chance(0.5) ? mutual : undefined, algorithms }, CHAP_CRYPTO)
}

/** What the exchange asks for next, or something like it. */
function prove({ peer, answer, wrong }: Phase, random: Random): Pair[] {
  if (!peer) return []
  answer.delete('AuthMethod')
  answer.delete('TargetPortalGroupTag')
  try {
    const pairs = peer.step(answer).map(({ key, value }): Pair => [key, value])
    return wrong && random.chance(0.4) ? pairs.map((pair) => tampered(pair, answer, random)) : pairs
  } catch {
    return random.some(3, () => random.pick(AUTH_KEYS))
  }
}

/** A value cut, changed, from elsewhere, or that of the target itself. */
function tampered([key, value]: Pair, theirs: ReadonlyMap<string, string>, random: Random): Pair {
  const at = random.below(value.length + 1)
  return random.pick<Pair>([
    [key, value.slice(0, at)],
    [key, `${value.slice(0, at)}~${value.slice(at)}`],
    [key, theirs.get(key === 'CHAP_R' ? 'CHAP_C' : key) ?? value],
    [key, `0b${Buffer.from(value).toString('base64')}`],
    random.pick(AUTH_KEYS),
  ])
}

function chooseIdentity(random: Random, world: World): Identity {
  const initiatorName = random.pick(world.initiatorNames)
  const isid = Buffer.from([0x80, 0, 0, 0, 0, random.chance(0.5) ? random.below(4) : random.below(256)])
  const cid = random.below(3)
  const { guarded } = world
  const targetName = guarded && random.chance(0.15) ? guarded.targetName : world.targetName
  const fresh = { targetName, initiatorName, isid, tsih: 0, cid, discovery: random.chance(0.06), settled: DEFAULTS }
  const other = random.chance(0.25) ? random.pick(world.sessions) : undefined
  if (!other) return random.chance(0.02) ? { ...fresh, tsih: random.below(65_536) } : fresh
  return {
    ...fresh,
    ...random.weighted<Partial<Identity>>([
      [3, { ...other, tsih: 0 }], // session reinstatement
      [3, { ...other }], // connection reinstatement
      [4, { ...other, cid: other.cid + 1 + random.below(3) }], // one more connection
      [1, { ...other, isid: fresh.isid }],
      [1, { ...other, initiatorName }],
    ]),
    discovery: false,
  }
}

function names({ initiatorName, targetName, discovery }: Identity, random: Random): Pair[] {
  const target = random.chance(0.98) ? targetName : `${targetName}:none`
  const pairs: Pair[] = [['InitiatorName', initiatorName]]
  if (discovery) pairs.push(['SessionType', 'Discovery'])
  else pairs.push(['TargetName', target])
  if (random.chance(0.5) && !discovery) pairs.push(['SessionType', 'Normal'])
  return random.chance(0.98) ? pairs : pairs.slice(random.below(3))
}

function stageKeys(stage: number, { wrong, identity, peer }: Phase, random: Random): Pair[] {
  const pairs: Pair[] = []
  if (stage === SECURITY) {
    pairs.push(['AuthMethod', wrong ? random.pick(AUTH) : peer ? 'CHAP,None' : 'None'])
    if (wrong) pairs.push(...random.some(3, () => random.pick(AUTH_KEYS)))
    return pairs
  }
  const leading = identity.tsih === 0 || random.chance(0.05)
  for (const [key, values] of Object.entries(VALUES))
    if ((leading || OF_CONNECTIONS.includes(key)) && random.chance(0.5)) pairs.push([key, random.pick(values)])
  pairs.sort(() => random.next() - 0.5)
  if (!wrong) return pairs
  if (random.chance(0.5)) pairs.push([random.pick(Object.keys(VALUES)), random.pick(WRONG_VALUES)])
  if (random.chance(0.2)) pairs.push(['TargetPortalGroupTag', '1'])
  if (random.chance(0.1))
    for (let i = 0; i < 200; i++) pairs.push([`X-com.example.${i}`, 'v'.repeat(random.below(200))])
  return pairs
}

interface Round {
  readonly stage: number
  readonly to: number
  readonly pairs: readonly Pair[]
}

/** Sends the text, in pieces now and then, and takes the answer, however many PDUs it has. */
async function exchange(stream: FuzzStream, phase: Phase, random: Random, { stage, to, pairs }: Round) {
  const text = Buffer.from(pairs.map(([key, value]) => `${key}=${value}\0`).join(''))
  const most = random.chance(0.15) ? 1 + random.below(400) : 8192
  let answer: Pdu | undefined
  for (let at = 0, first = true; first || at < text.length; at += most, first = false) {
    const more = at + most < text.length
    answer = await request(stream, phase, random, { stage, to, more, data: text.subarray(at, at + most) })
    if (!answer) return undefined
  }
  return collect(stream, phase, random, { stage, to, first: answer as Pdu })
}

/** An answer whose C bit is set goes on when it is asked for. */
async function collect(
  stream: FuzzStream,
  phase: Phase,
  random: Random,
  ask: { stage: number; to: number; first: Pdu },
) {
  const { stage, to, first } = ask
  let text = Buffer.from(first.data)
  let answer: Pdu | undefined = first
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (answer?.header.opcode !== TARGET_OPCODE.LOGIN_RESPONSE || !answer.header.continue) break
    answer = await request(stream, phase, random, { stage, to, more: false, data: Buffer.alloc(0) })
    if (answer) text = Buffer.concat([text, answer.data])
  }
  const said = answer?.header.opcode === TARGET_OPCODE.LOGIN_RESPONSE && answer.header.statusClass === 0
  phase.answer = new Map(said ? parseText(text).map(({ key, value }) => [key, value]) : [])
  for (const [key, value] of phase.answer) phase.answered.set(key, value)
  return answer
}

interface Ask {
  readonly stage: number
  readonly to: number
  readonly more: boolean
  readonly data: Buffer
}

async function request(stream: FuzzStream, phase: Phase, random: Random, ask: Ask): Promise<Pdu | undefined> {
  const { isid, tsih, cid } = phase.identity
  const fields = {
    immediate: true,
    transit: !ask.more,
    continue: ask.more,
    currentStage: ask.stage,
    nextStage: ask.more ? 0 : ask.to,
    isid,
    tsih,
    cid,
    initiatorTaskTag: phase.tag,
    cmdSn: phase.cmdSn,
    expStatSn: phase.expStatSn,
  }
  const pdu = encodePdu(INITIATOR_OPCODE.LOGIN_REQUEST, fields, { data: ask.data })
  if (phase.wrong && random.chance(0.3)) mutateHeader(pdu, random)
  if (phase.wrong && random.chance(0.05)) stream.send(strangers(random))
  stream.send(phase.wrong && random.chance(0.03) ? pdu.subarray(0, random.below(pdu.length)) : pdu)
  const answer = await stream.take(phase.wrong ? ANSWER_MS / 50 : ANSWER_MS)
  if (answer) stream.waitedFor(answer)
  if (answer && 'statSn' in answer.header) phase.expStatSn = (answer.header.statSn + 1) >>> 0
  return answer
}

/** What has no place in a login. */
function strangers(random: Random): Buffer {
  if (random.chance(0.4)) return random.bytes(random.below(300))
  const opcode = random.pick(Object.values(INITIATOR_OPCODE)) as Opcode
  return encodePdu(opcode, {}, { data: random.bytes(random.below(40)) })
}

/** What the target has answered holds; what it has not is as it was offered alone, or the default. */
function settle(
  stream: FuzzStream,
  { identity, cmdSn, expStatSn, answered }: Phase,
  tsih: number,
  world: World,
): LoggedIn {
  const yes = (key: string, otherwise: boolean): boolean =>
    answered.has(key) ? answered.get(key) === 'Yes' : otherwise
  const digests = {
    header: answered.get('HeaderDigest') === 'CRC32C',
    data: answered.get('DataDigest') === 'CRC32C',
  }
  stream.digests = digests
  const { targetName, initiatorName, isid, cid, discovery } = identity
  const settled = {
    ...identity.settled,
    digests,
    cid,
    discovery,
    maxRecvDataSegmentLength: Number(answered.get('MaxRecvDataSegmentLength') ?? TARGET_RECEIVES),
    ...(identity.tsih === 0 && {
      immediateData: yes('ImmediateData', true),
      initialR2T: yes('InitialR2T', true),
      firstBurstLength: Number(answered.get('FirstBurstLength') ?? 65_536),
      errorRecoveryLevel: Number(answered.get('ErrorRecoveryLevel') ?? 0),
    }),
  }
  if (!discovery) remember(world.sessions, { targetName, initiatorName, isid, tsih, cid, settled })
  return { settled, cmdSn, expStatSn }
}

/** Bytes in place of a login. */
export function insteadOfLogin(random: Random): Buffer[] {
  return random.some(6, () => strangers(random))
}
