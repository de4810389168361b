import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KEYS, type KeyName, type NegotiationPhase, type OperationalParameters } from '../../../protocol/iscsi/keys.ts'
import { LOGIN_STATUS } from '../../../protocol/iscsi/login-status.ts'
import { Negotiation, type OwnParameters } from '../../../protocol/iscsi/negotiation.ts'
import { initiatorSide, OWN, pairsOf, targetSide, textOf } from './negotiators.ts'

// Key, what an initiator that wants OWN offers, an answer, and the result; undefined where the answer is a violation.
const ANSWERS: [KeyName, offer: string, answer: string, Partial<OperationalParameters> | undefined][] = [
  ['HeaderDigest', 'CRC32C,None', 'None', { headerDigest: 'None' }],
  ['HeaderDigest', 'CRC32C,None', 'CRC32C', { headerDigest: 'CRC32C' }],
  ['HeaderDigest', 'CRC32C,None', 'Reject', { headerDigest: 'None' }],
  ['HeaderDigest', 'CRC32C,None', 'CRC32C,None', undefined],
  ['HeaderDigest', 'CRC32C,None', '', undefined],
  ['DataDigest', 'None', 'CRC32C', undefined],
  ['MaxConnections', '4', '1', { maxConnections: 1 }],
  ['MaxConnections', '4', '5', undefined],
  ['MaxConnections', '4', '0', undefined],
  ['InitialR2T', 'No', 'No', { initialR2T: false }],
  ['InitialR2T', 'No', 'Yes', { initialR2T: true }],
  ['InitialR2T', 'No', 'Irrelevant', { initialR2T: true }],
  ['ImmediateData', 'Yes', 'No', { immediateData: false }],
  ['ImmediateData', 'Yes', 'no', undefined],
  ['MaxBurstLength', '1048576', '0x1000', { maxBurstLength: 4096, firstBurstLength: 4096 }],
  ['MaxBurstLength', '1048576', '1048577', undefined],
  ['MaxBurstLength', '1048576', '256', undefined],
  ['FirstBurstLength', '262144', '1024', { firstBurstLength: 1024 }],
  ['DefaultTime2Wait', '5', '30', { defaultTime2Wait: 30 }],
  ['DefaultTime2Wait', '5', '4', undefined],
  ['DefaultTime2Retain', '60', '0', { defaultTime2Retain: 0 }],
  ['MaxOutstandingR2T', '16', '16', { maxOutstandingR2T: 16 }],
  ['DataPDUInOrder', 'No', 'Yes', { dataPduInOrder: true }],
  ['DataSequenceInOrder', 'Yes', 'No', undefined],
  ['ErrorRecoveryLevel', '1', '2', undefined],
  ['ErrorRecoveryLevel', '1', '0', { errorRecoveryLevel: 0 }],
  ['TaskReporting', 'RFC3720,ResponseFence', 'ResponseFence', { taskReporting: 'ResponseFence' }],
  ['TaskReporting', 'RFC3720,ResponseFence', 'NotUnderstood', { taskReporting: 'RFC3720' }],
  ['iSCSIProtocolLevel', '2', 'NotUnderstood', { iscsiProtocolLevel: 1 }],
  ['iSCSIProtocolLevel', '2', '1', { iscsiProtocolLevel: 1 }],
]

describe('the initiator takes an answer', () => {
  test.each(ANSWERS)('%s=%s: %s', (key, offer, answer, result) => {
    const negotiation = initiatorSide()
    const before = negotiation.parameters
    expect(negotiation.offer(key)).toEqual({ key, value: offer })
    const outcome = negotiation.receive(pairsOf(`${key}=${answer}`), 'operational')
    expect(outcome.answers).toEqual([])
    expect(negotiation.pending).toEqual([])
    if (result) expect(negotiation.parameters).toEqual({ ...before, ...result })
    else expect(outcome.failure).toMatchObject({ key, status: LOGIN_STATUS.TARGET_ERROR })
  })

  test('an offer that decides alone needs no answer (RFC 7143 6.2.2)', () => {
    const negotiation = initiatorSide({ immediateData: false, initialR2T: true, dataPduInOrder: false })
    for (const key of ['ImmediateData', 'InitialR2T', 'DataPDUInOrder', 'MaxBurstLength'] as const)
      negotiation.offer(key)
    expect(negotiation.parameters).toMatchObject({ immediateData: false, initialR2T: true, dataPduInOrder: true })
    negotiation.receive(pairsOf('ImmediateData=No'), 'operational')
    expect(negotiation.parameters.immediateData).toBe(false)
    expect(negotiation.pending).toEqual(['DataPDUInOrder', 'MaxBurstLength'])
  })

  test('FirstBurstLength is offered within the MaxBurstLength that is offered or settled (13.14)', () => {
    const own = { maxBurstLength: 1048576, firstBurstLength: 524288 }
    expect(initiatorSide(own).offer('FirstBurstLength').value).toBe('524288')
    expect(initiatorSide({ ...own, maxBurstLength: 4096 }).offer('FirstBurstLength').value).toBe('4096')
    const settled = initiatorSide(own)
    settled.offer('MaxBurstLength')
    settled.receive(pairsOf('MaxBurstLength=65536'), 'operational')
    expect(settled.offer('FirstBurstLength').value).toBe('65536')
  })

  test('an answer that would turn such an offer round is a violation', () => {
    const negotiation = initiatorSide({ immediateData: false })
    negotiation.offer('ImmediateData')
    expect(negotiation.receive(pairsOf('ImmediateData=Yes'), 'operational').failure?.key).toBe('ImmediateData')
  })

  test('Reject of a list without the default is a failure', () => {
    const negotiation = initiatorSide({ headerDigest: ['CRC32C'] })
    negotiation.offer('HeaderDigest')
    const { failure } = negotiation.receive(pairsOf('HeaderDigest=Reject'), 'operational')
    expect(failure?.reason).toBe('has no value that both sides support')
  })

  test('an answer that comes twice is a renegotiation', () => {
    const negotiation = initiatorSide()
    negotiation.offer('MaxBurstLength')
    expect(negotiation.receive(pairsOf('MaxBurstLength=512'), 'operational').failure).toBeUndefined()
    expect(negotiation.receive(pairsOf('MaxBurstLength=512'), 'operational').failure?.key).toBe('MaxBurstLength')
  })

  test('the target may offer and declare too', () => {
    const negotiation = initiatorSide()
    const texts = pairsOf(
      'TargetPortalGroupTag=1',
      'MaxRecvDataSegmentLength=65536',
      'ErrorRecoveryLevel=2',
      'TargetAlias=a',
    )
    expect(textOf(negotiation.receive(texts, 'operational').answers)).toEqual(['ErrorRecoveryLevel=1'])
    expect(negotiation.peer('TargetPortalGroupTag')).toBe('1')
    expect(negotiation.parameters.maxRecvDataSegmentLengthPeer).toBe(65536)
  })

  test('what the target may not send', () => {
    for (const text of ['InitiatorName=iqn.a', 'TargetName=iqn.a', 'SessionType=Normal', 'InitiatorAlias=a'])
      expect(initiatorSide().receive(pairsOf(text), 'operational').failure?.key, text).toBe(text.split('=')[0])
  })

  test('its own SessionType makes a discovery session', () => {
    const negotiation = initiatorSide()
    negotiation.declare('SessionType', 'Discovery')
    expect(negotiation.discovery).toBe(true)
    expect(textOf(negotiation.receive(pairsOf('MaxBurstLength=512'), 'operational').answers)).toEqual([
      'MaxBurstLength=Irrelevant',
    ])
  })
})

describe('initiator and target together', () => {
  const number = (min: number, max: number) => fc.integer({ min, max })
  const digests = fc.constantFrom<('None' | 'CRC32C')[]>(['None'], ['CRC32C', 'None'], ['None', 'CRC32C'])
  const own: fc.Arbitrary<OwnParameters> = fc.record(
    {
      headerDigest: digests,
      dataDigest: digests,
      maxConnections: number(1, 65535),
      initialR2T: fc.boolean(),
      immediateData: fc.boolean(),
      maxBurstLength: number(512, 2 ** 24 - 1),
      firstBurstLength: number(512, 2 ** 24 - 1),
      defaultTime2Wait: number(0, 3600),
      defaultTime2Retain: number(0, 3600),
      maxOutstandingR2T: number(1, 65535),
      dataPduInOrder: fc.boolean(),
      dataSequenceInOrder: fc.boolean(),
      errorRecoveryLevel: number(0, 2),
      taskReporting: fc.constantFrom<OwnParameters['taskReporting'] & {}>(['RFC3720'], ['FastAbort', 'RFC3720']),
      iscsiProtocolLevel: number(0, 31),
    },
    { requiredKeys: [] },
  )
  const offerable = (Object.keys(KEYS) as KeyName[]).filter((key) => 'parameter' in KEYS[key] && key !== 'AuthMethod')

  test('agree on every parameter, whatever each is ready for, in one text or in many', () => {
    fc.assert(
      fc.property(own, own, fc.shuffledSubarray(offerable), fc.boolean(), (ours, theirs, keys, together) => {
        const initiator = initiatorSide(ours)
        const target = targetSide(theirs)
        const texts = together ? [keys] : keys.map((key) => [key])
        for (const text of texts) {
          const answered = target.receive(
            text.map((key) => initiator.offer(key)),
            'operational',
          )
          expect(answered.failure).toBeUndefined()
          expect(initiator.receive(answered.answers, 'operational')).toEqual({ answers: [] })
        }
        expect(initiator.pending).toEqual([])
        expect(initiator.parameters).toEqual(target.parameters)
        expect(target.parameters.firstBurstLength).toBeLessThanOrEqual(target.parameters.maxBurstLength)
      }),
    )
  })

  test('no text whatever makes a side throw, or answer what was not asked', () => {
    const key = fc.oneof(fc.constantFrom(...Object.keys(KEYS)), fc.constantFrom('X-a', '__proto__', 'constructor'))
    const value = fc.oneof(
      fc.constantFrom(
        '',
        'None',
        'Yes',
        'No',
        'Reject',
        'Irrelevant',
        'NotUnderstood',
        '512',
        '0x200',
        'Discovery',
        ',',
      ),
      fc.string(),
    )
    const phase = fc.constantFrom<NegotiationPhase>('security', 'operational', 'full feature')
    const texts = fc.array(fc.tuple(fc.array(fc.record({ key, value }), { maxLength: 6 }), phase), { maxLength: 4 })
    fc.assert(
      fc.property(texts, fc.boolean(), (sent, leading) => {
        for (const side of ['target', 'initiator'] as const) {
          const negotiation = new Negotiation({ side, own: OWN, leading })
          for (const [pairs, when] of sent) {
            const { answers, failure } = negotiation.receive(pairs, when)
            expect(answers.every((answer) => pairs.some((pair) => pair.key === answer.key))).toBe(true)
            if (failure) expect(pairs.some((pair) => pair.key === failure.key)).toBe(true)
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})
