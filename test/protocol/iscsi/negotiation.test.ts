import { describe, expect, test } from 'vitest'
import { KEYS, type KeyName, type NegotiationPhase, type OperationalParameters } from '../../../protocol/iscsi/keys.ts'
import { LOGIN_STATUS } from '../../../protocol/iscsi/login-status.ts'
import type { OwnParameters } from '../../../protocol/iscsi/negotiation.ts'
import { OWN, pairsOf, targetSide, textOf } from './negotiators.ts'

// Offer of the initiator, answer of a target that is ready for OWN, and the result.
const OFFERS: [offer: string, answer: string, result: Partial<OperationalParameters>][] = [
  ['HeaderDigest=CRC32C,None', 'CRC32C', { headerDigest: 'CRC32C' }],
  ['HeaderDigest=None,CRC32C', 'None', { headerDigest: 'None' }],
  ['HeaderDigest=Y-com.example.md5,CRC32C', 'CRC32C', { headerDigest: 'CRC32C' }],
  ['HeaderDigest=Y-com.example.md5', 'Reject', { headerDigest: 'None' }],
  ['HeaderDigest=', 'Reject', { headerDigest: 'None' }],
  ['HeaderDigest=crc32c', 'Reject', { headerDigest: 'None' }],
  ['DataDigest=CRC32C,None', 'None', { dataDigest: 'None' }],
  ['DataDigest=CRC32C', 'Reject', { dataDigest: 'None' }],
  ['MaxConnections=8', '4', { maxConnections: 4 }],
  ['MaxConnections=1', '1', { maxConnections: 1 }],
  ['MaxConnections=65535', '4', { maxConnections: 4 }],
  ['MaxConnections=0', 'Reject', { maxConnections: 1 }],
  ['MaxConnections=65536', 'Reject', { maxConnections: 1 }],
  ['InitialR2T=No', 'No', { initialR2T: false }],
  ['InitialR2T=Yes', 'Yes', { initialR2T: true }],
  ['InitialR2T=yes', 'Reject', { initialR2T: true }],
  ['InitialR2T=1', 'Reject', { initialR2T: true }],
  ['ImmediateData=Yes', 'Yes', { immediateData: true }],
  ['ImmediateData=No', 'No', { immediateData: false }],
  ['ImmediateData=', 'Reject', { immediateData: true }],
  ['MaxBurstLength=16776192', '1048576', { maxBurstLength: 1048576 }],
  ['MaxBurstLength=0x10000', '65536', { maxBurstLength: 65536, firstBurstLength: 65536 }],
  ['MaxBurstLength=512', '512', { maxBurstLength: 512, firstBurstLength: 512 }],
  ['MaxBurstLength=511', 'Reject', { maxBurstLength: 262144 }],
  ['MaxBurstLength=16777215', '1048576', { maxBurstLength: 1048576 }],
  ['MaxBurstLength=16777216', 'Reject', { maxBurstLength: 262144 }],
  ['MaxBurstLength=0x1000000', 'Reject', { maxBurstLength: 262144 }],
  ['FirstBurstLength=8192', '8192', { firstBurstLength: 8192 }],
  ['FirstBurstLength=0X2000', '8192', { firstBurstLength: 8192 }],
  ['FirstBurstLength=16777215', '262144', { firstBurstLength: 262144 }],
  ['FirstBurstLength=-1', 'Reject', { firstBurstLength: 65536 }],
  ['FirstBurstLength=65536 ', 'Reject', { firstBurstLength: 65536 }],
  ['DefaultTime2Wait=0', '5', { defaultTime2Wait: 5 }],
  ['DefaultTime2Wait=3600', '3600', { defaultTime2Wait: 3600 }],
  ['DefaultTime2Wait=3601', 'Reject', { defaultTime2Wait: 2 }],
  ['DefaultTime2Retain=0', '0', { defaultTime2Retain: 0 }],
  ['DefaultTime2Retain=3600', '60', { defaultTime2Retain: 60 }],
  ['DefaultTime2Retain=00', 'Reject', { defaultTime2Retain: 20 }],
  ['MaxOutstandingR2T=1', '1', { maxOutstandingR2T: 1 }],
  ['MaxOutstandingR2T=65535', '16', { maxOutstandingR2T: 16 }],
  ['MaxOutstandingR2T=0', 'Reject', { maxOutstandingR2T: 1 }],
  ['DataPDUInOrder=No', 'No', { dataPduInOrder: false }],
  ['DataPDUInOrder=Yes', 'Yes', { dataPduInOrder: true }],
  ['DataSequenceInOrder=No', 'Yes', { dataSequenceInOrder: true }],
  ['DataSequenceInOrder=No,Yes', 'Reject', { dataSequenceInOrder: true }],
  ['ErrorRecoveryLevel=2', '1', { errorRecoveryLevel: 1 }],
  ['ErrorRecoveryLevel=0', '0', { errorRecoveryLevel: 0 }],
  ['ErrorRecoveryLevel=3', 'Reject', { errorRecoveryLevel: 0 }],
  ['TaskReporting=FastAbort,ResponseFence,RFC3720', 'ResponseFence', { taskReporting: 'ResponseFence' }],
  ['TaskReporting=FastAbort', 'Reject', { taskReporting: 'RFC3720' }],
  ['iSCSIProtocolLevel=1', '1', { iscsiProtocolLevel: 1 }],
  ['iSCSIProtocolLevel=31', '2', { iscsiProtocolLevel: 2 }],
  ['iSCSIProtocolLevel=32', 'Reject', { iscsiProtocolLevel: 1 }],
  ['IFMarker=Yes', 'No', {}],
  ['OFMarker=No', 'No', {}],
  ['IFMarkInt=2048~65535', 'Reject', {}],
  ['OFMarkInt=1', 'Reject', {}],
  ['X-com.example.key=value', 'NotUnderstood', {}],
  ['X#Unregistered=1', 'NotUnderstood', {}],
  ['Unknown=', 'NotUnderstood', {}],
  ['constructor=1', 'NotUnderstood', {}],
]

describe('the target answers an offer (RFC 7143 6.2.1, 6.2.2)', () => {
  test.each(OFFERS)('%s: %s', (offer, answer, result) => {
    const negotiation = targetSide()
    const before = negotiation.parameters
    const outcome = negotiation.receive(pairsOf(offer), 'operational')
    expect(outcome).toEqual({ answers: [{ key: offer.split('=')[0], value: answer }] })
    expect(negotiation.parameters).toEqual({ ...before, ...result })
  })

  test('answers stand in the order of the offers, whatever is settled first', () => {
    const outcome = targetSide().receive(
      pairsOf('FirstBurstLength=262144', 'X-a=1', 'MaxBurstLength=131072', 'InitiatorAlias=a', 'HeaderDigest=None'),
      'operational',
    )
    expect(textOf(outcome.answers)).toEqual([
      'FirstBurstLength=131072',
      'X-a=NotUnderstood',
      'MaxBurstLength=131072',
      'HeaderDigest=None',
    ])
  })

  test('a side that says nothing of itself is ready for the defaults', () => {
    const negotiation = targetSide({})
    const offers = pairsOf('HeaderDigest=CRC32C,None', 'InitialR2T=No', 'MaxOutstandingR2T=8', 'DefaultTime2Wait=0')
    expect(textOf(negotiation.receive(offers, 'operational').answers)).toEqual([
      'HeaderDigest=None',
      'InitialR2T=Yes',
      'MaxOutstandingR2T=1',
      'DefaultTime2Wait=2',
    ])
  })

  test('FirstBurstLength never exceeds MaxBurstLength, settled before, after or not at all (RFC 7143 13.14)', () => {
    const before = targetSide()
    before.receive(pairsOf('FirstBurstLength=200000'), 'operational')
    before.receive(pairsOf('MaxBurstLength=4096'), 'operational')
    expect(before.parameters).toMatchObject({ firstBurstLength: 4096, maxBurstLength: 4096 })
    const after = targetSide({ ...OWN, maxBurstLength: 8192 })
    after.receive(pairsOf('MaxBurstLength=65536'), 'operational')
    expect(textOf(after.receive(pairsOf('FirstBurstLength=65536'), 'operational').answers)).toEqual([
      'FirstBurstLength=8192',
    ])
  })

  test('AuthMethod is settled in the security stage (RFC 7143 12.1)', () => {
    const open = targetSide()
    expect(textOf(open.receive(pairsOf('AuthMethod=CHAP,None'), 'security').answers)).toEqual(['AuthMethod=None'])
    const chap = targetSide({ authMethod: ['CHAP'] })
    expect(textOf(chap.receive(pairsOf('AuthMethod=KRB5,CHAP'), 'security').answers)).toEqual(['AuthMethod=CHAP'])
    expect(chap.parameters.authMethod).toBe('CHAP')
  })

  test('a list without the default leaves no way out but failure', () => {
    const chap = targetSide({ authMethod: ['CHAP'] }).receive(pairsOf('AuthMethod=None'), 'security')
    expect(chap.failure).toMatchObject({ key: 'AuthMethod', status: LOGIN_STATUS.AUTHENTICATION_FAILURE })
    const none = targetSide({ authMethod: ['None'] }).receive(pairsOf('AuthMethod=CHAP'), 'security')
    expect(none.failure).toMatchObject({ key: 'AuthMethod', status: LOGIN_STATUS.AUTHENTICATION_FAILURE })
    const digest = targetSide({ headerDigest: ['CRC32C'] }).receive(pairsOf('HeaderDigest=None'), 'operational')
    expect(digest.failure).toMatchObject({ key: 'HeaderDigest', status: LOGIN_STATUS.INITIATOR_ERROR })
  })
})

describe('a discovery session (RFC 7143 13.21)', () => {
  const IRRELEVANT = Object.keys(KEYS).filter((key) => 'irrelevantInDiscovery' in KEYS[key as KeyName])

  test.each(IRRELEVANT)('%s is irrelevant, also in front of SessionType', (key) => {
    const negotiation = targetSide()
    const outcome = negotiation.receive(pairsOf(`${key}=1`, 'SessionType=Discovery'), 'operational')
    expect(textOf(outcome.answers)).toEqual([`${key}=Irrelevant`])
    expect(negotiation.discovery).toBe(true)
  })

  test('the others are negotiated', () => {
    const negotiation = targetSide()
    const offers = pairsOf('SessionType=Discovery', 'HeaderDigest=CRC32C', 'ErrorRecoveryLevel=0', 'DefaultTime2Wait=7')
    expect(textOf(negotiation.receive(offers, 'operational').answers)).toEqual([
      'HeaderDigest=CRC32C',
      'ErrorRecoveryLevel=0',
      'DefaultTime2Wait=7',
    ])
  })

  test('has one connection', () => {
    const negotiation = targetSide()
    negotiation.receive(pairsOf('MaxConnections=4'), 'operational')
    expect(negotiation.parameters.maxConnections).toBe(4)
    negotiation.receive(pairsOf('SessionType=Discovery'), 'operational')
    expect(negotiation.parameters.maxConnections).toBe(1)
  })
})

describe('what is declared is not answered (RFC 7143 6.2)', () => {
  test('names, aliases and the session type are kept as they stood', () => {
    const negotiation = targetSide()
    const login = pairsOf(
      'InitiatorName=iqn.2026-11.io.lunette:Host',
      'InitiatorAlias=Büro',
      'TargetName=iqn.2026-11.io.lunette:array1',
      'SessionType=Normal',
    )
    expect(negotiation.receive(login, 'security')).toEqual({ answers: [] })
    expect(negotiation.peer('InitiatorName')).toBe('iqn.2026-11.io.lunette:Host')
    expect(negotiation.peer('InitiatorAlias')).toBe('Büro')
    expect(negotiation.peer('TargetName')).toBe('iqn.2026-11.io.lunette:array1')
    expect(negotiation.peer('SessionType')).toBe('Normal')
    expect(negotiation.peer('TargetAlias')).toBeUndefined()
    expect(negotiation.discovery).toBe(false)
  })

  test('MaxRecvDataSegmentLength is each side’s own', () => {
    const negotiation = targetSide()
    expect(negotiation.declare('MaxRecvDataSegmentLength', 262144)).toEqual({
      key: 'MaxRecvDataSegmentLength',
      value: '262144',
    })
    expect(negotiation.receive(pairsOf('MaxRecvDataSegmentLength=0x800'), 'operational')).toEqual({ answers: [] })
    expect(negotiation.parameters).toMatchObject({
      maxRecvDataSegmentLengthSelf: 262144,
      maxRecvDataSegmentLengthPeer: 2048,
    })
  })

  test('the target declares its portal group and alias unasked', () => {
    const negotiation = targetSide()
    expect(
      textOf([negotiation.declare('TargetPortalGroupTag', 1), negotiation.declare('TargetAlias', 'Lunette')]),
    ).toEqual(['TargetPortalGroupTag=1', 'TargetAlias=Lunette'])
  })

  test.each<[string, NegotiationPhase]>([
    ['MaxRecvDataSegmentLength=511', 'operational'],
    ['MaxRecvDataSegmentLength=16777216', 'operational'],
    ['MaxRecvDataSegmentLength=8k', 'operational'],
    [`InitiatorName=iqn.2001-04.com.example:${'a'.repeat(200)}`, 'security'],
    [`InitiatorAlias=${'ü'.repeat(128)}`, 'security'],
  ])('%s: initiator error', (text, phase) => {
    const { failure } = targetSide().receive(pairsOf(text), phase)
    expect(failure).toMatchObject({ status: LOGIN_STATUS.INITIATOR_ERROR })
    expect(failure?.key).toBe(text.split('=')[0])
  })

  test('SessionType=Other: session type not supported', () => {
    const { failure } = targetSide().receive(pairsOf('SessionType=Other'), 'security')
    expect(failure?.status).toBe(LOGIN_STATUS.SESSION_TYPE_NOT_SUPPORTED)
  })

  test('a peer that does not understand a declaration is not at fault', () => {
    const negotiation = targetSide()
    negotiation.declare('TargetAlias', 'Lunette')
    expect(negotiation.receive(pairsOf('TargetAlias=NotUnderstood'), 'operational')).toEqual({ answers: [] })
  })
})

describe('what ends a login (RFC 7143 7.12)', () => {
  const FAILURES: [name: string, NegotiationPhase, string[]][] = [
    ['a key offered twice in one text', 'operational', ['MaxBurstLength=4096', 'MaxBurstLength=4096']],
    ['an unknown key offered twice', 'operational', ['X-a=1', 'X-a=1']],
    ['a declaration made twice', 'security', ['InitiatorName=iqn.a', 'InitiatorName=iqn.a']],
    ['an obsolete key offered twice', 'operational', ['IFMarker=No', 'IFMarker=No']],
    ['Reject as an offer', 'operational', ['MaxBurstLength=Reject']],
    ['Irrelevant as an offer', 'operational', ['TaskReporting=Irrelevant']],
    ['NotUnderstood as an offer of an unknown key', 'operational', ['X-a=NotUnderstood']],
    ['Reject as a declared name', 'security', ['InitiatorName=Reject']],
    ['a key that only targets send', 'operational', ['TargetAlias=a']],
    ['TargetPortalGroupTag from an initiator', 'operational', ['TargetPortalGroupTag=1']],
    ['an operational key in the security stage', 'security', ['HeaderDigest=None']],
    ['AuthMethod in the operational stage', 'operational', ['AuthMethod=None']],
    ['SendTargets during login', 'operational', ['SendTargets=All']],
    ['a login key in the full feature phase', 'full feature', ['MaxBurstLength=4096']],
    ['SessionType in the full feature phase', 'full feature', ['SessionType=Normal']],
  ]

  test.each(FAILURES)('%s', (_, phase, texts) => {
    const outcome = targetSide().receive(pairsOf(...texts), phase)
    expect(outcome).toMatchObject({ answers: [], failure: { status: LOGIN_STATUS.INITIATOR_ERROR } })
    expect(outcome.failure?.key).toBe(texts[0]?.split('=')[0])
  })

  test('a key negotiated again in a later PDU of the login, whatever its first answer was', () => {
    for (const first of ['MaxBurstLength=4096', 'MaxBurstLength=1']) {
      const negotiation = targetSide()
      expect(negotiation.receive(pairsOf(first), 'operational').failure).toBeUndefined()
      const again = negotiation.receive(pairsOf('MaxBurstLength=8192'), 'operational')
      expect(again.failure).toMatchObject({ key: 'MaxBurstLength', reason: 'has been negotiated already' })
    }
  })

  test('a leading-only key on a connection that is added to a session', () => {
    const added = targetSide(OWN, { leading: false })
    expect(added.receive(pairsOf('HeaderDigest=CRC32C'), 'operational').failure).toBeUndefined()
    const { failure } = added.receive(pairsOf('MaxBurstLength=4096'), 'operational')
    expect(failure).toMatchObject({ key: 'MaxBurstLength', status: LOGIN_STATUS.INITIATOR_ERROR })
  })
})

describe('text negotiation in the full feature phase (RFC 7143 6.4)', () => {
  test('SendTargets is for the caller to answer', () => {
    const negotiation = targetSide()
    expect(negotiation.receive(pairsOf('SendTargets=All'), 'full feature')).toEqual({ answers: [] })
    expect(negotiation.peer('SendTargets')).toBe('All')
  })

  test('what was declared at login may be declared again, once in each negotiation', () => {
    const negotiation = targetSide()
    negotiation.declare('MaxRecvDataSegmentLength', 262144)
    negotiation.receive(pairsOf('MaxRecvDataSegmentLength=65536'), 'operational')
    negotiation.restart()
    const declaration = pairsOf('MaxRecvDataSegmentLength=131072', 'X-a=1')
    expect(textOf(negotiation.receive(declaration, 'full feature').answers)).toEqual(['X-a=NotUnderstood'])
    expect(negotiation.parameters).toMatchObject({
      maxRecvDataSegmentLengthSelf: 262144,
      maxRecvDataSegmentLengthPeer: 131072,
    })
    expect(negotiation.receive(declaration, 'full feature').failure?.key).toBe('MaxRecvDataSegmentLength')
    negotiation.restart()
    expect(negotiation.declare('MaxRecvDataSegmentLength', 8192).value).toBe('8192')
    expect(negotiation.receive(pairsOf('SendTargets=All', 'SendTargets=All'), 'full feature').failure?.key).toBe(
      'SendTargets',
    )
  })
})

describe('what a side may not do itself is a RangeError', () => {
  test('values that the standard does not admit', () => {
    const wrong: OwnParameters[] = [
      { maxBurstLength: 511 },
      { maxBurstLength: 2 ** 24 },
      { maxConnections: 0 },
      { errorRecoveryLevel: 3 },
      { defaultTime2Wait: 1.5 },
      { headerDigest: [] },
      { headerDigest: ['crc32c' as 'CRC32C'] },
      { headerDigest: 'CRC32C' as unknown as 'CRC32C'[] },
      { initialR2T: 'No' as unknown as boolean },
    ]
    for (const own of wrong) expect(() => targetSide(own), JSON.stringify(own)).toThrow(RangeError)
  })

  test('declarations of the other side, of negotiated keys, out of range, twice', () => {
    const negotiation = targetSide()
    expect(() => negotiation.declare('InitiatorName', 'iqn.a')).toThrow('InitiatorName is not for the target')
    expect(() => negotiation.declare('MaxBurstLength', 512)).toThrow('not declared but negotiated')
    expect(() => negotiation.declare('TargetPortalGroupTag', 65536)).toThrow('not admissible')
    expect(() => negotiation.declare('MaxRecvDataSegmentLength', 100)).toThrow('not admissible')
    negotiation.declare('TargetAlias', 'a')
    expect(() => negotiation.declare('TargetAlias', 'b')).toThrow('has been declared')
  })

  test('offers of declared keys, twice, or after the peer has offered', () => {
    const negotiation = targetSide()
    expect(() => negotiation.offer('TargetAlias')).toThrow('TargetAlias is not negotiated')
    negotiation.offer('MaxBurstLength')
    expect(() => negotiation.offer('MaxBurstLength')).toThrow('has been negotiated')
    negotiation.receive(pairsOf('DataDigest=None'), 'operational')
    expect(() => negotiation.offer('DataDigest')).toThrow('has been negotiated')
  })
})
