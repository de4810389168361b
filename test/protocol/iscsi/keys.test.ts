import { describe, expect, test } from 'vitest'
import {
  defaultParameters,
  findKey,
  KEYS,
  misuse,
  type NegotiationPhase,
  type Side,
} from '../../../protocol/iscsi/keys.ts'

// Written from the text of RFC 7143 12.1 and 13: clause, who sends it, scope, default and range, result function,
// and whether the text says "Irrelevant when: SessionType=Discovery".
const RFC: [name: string, clause: string, senders: string, scope: string, row: object, irrelevant: boolean][] = [
  ['AuthMethod', '12.1', 'both', 'connection', { kind: 'list', default: 'None' }, false],
  ['CHAP_A', '12.1.3', 'both', 'connection', { kind: 'declared text' }, false],
  ['CHAP_I', '12.1.3', 'both', 'connection', { kind: 'declared text' }, false],
  ['CHAP_C', '12.1.3', 'both', 'connection', { kind: 'declared text' }, false],
  ['CHAP_N', '12.1.3', 'both', 'connection', { kind: 'declared text' }, false],
  ['CHAP_R', '12.1.3', 'both', 'connection', { kind: 'declared text' }, false],
  ['HeaderDigest', '13.1', 'both', 'connection', { kind: 'list', default: 'None', values: ['None', 'CRC32C'] }, false],
  ['DataDigest', '13.1', 'both', 'connection', { kind: 'list', default: 'None', values: ['None', 'CRC32C'] }, false],
  ['MaxConnections', '13.2', 'both', 'session', { kind: 'minimum', default: 1, min: 1, max: 65535 }, true],
  ['SendTargets', '13.3', 'initiator', 'session', { kind: 'declared text' }, false],
  ['TargetName', '13.4', 'both', 'session', { kind: 'declared text', maxBytes: 223 }, false],
  ['InitiatorName', '13.5', 'initiator', 'session', { kind: 'declared text', maxBytes: 223 }, false],
  ['TargetAlias', '13.6', 'target', 'session', { kind: 'declared text', maxBytes: 255 }, false],
  ['InitiatorAlias', '13.7', 'initiator', 'session', { kind: 'declared text', maxBytes: 255 }, false],
  ['TargetAddress', '13.8', 'target', 'session', { kind: 'declared text' }, false],
  ['TargetPortalGroupTag', '13.9', 'target', 'session', { kind: 'declared number', min: 0, max: 65535 }, false],
  ['InitialR2T', '13.10', 'both', 'session', { kind: 'or', default: true }, true],
  ['ImmediateData', '13.11', 'both', 'session', { kind: 'and', default: true }, true],
  ['MaxRecvDataSegmentLength', '13.12', 'both', 'connection', { kind: 'declared number', default: 8192, min: 512, max: 16777215 }, false],
  ['MaxBurstLength', '13.13', 'both', 'session', { kind: 'minimum', default: 262144, min: 512, max: 16777215 }, true],
  ['FirstBurstLength', '13.14', 'both', 'session', { kind: 'minimum', default: 65536, min: 512, max: 16777215 }, true],
  ['DefaultTime2Wait', '13.15', 'both', 'session', { kind: 'maximum', default: 2, min: 0, max: 3600 }, false],
  ['DefaultTime2Retain', '13.16', 'both', 'session', { kind: 'minimum', default: 20, min: 0, max: 3600 }, false],
  ['MaxOutstandingR2T', '13.17', 'both', 'session', { kind: 'minimum', default: 1, min: 1, max: 65535 }, true],
  ['DataPDUInOrder', '13.18', 'both', 'session', { kind: 'or', default: true }, true],
  ['DataSequenceInOrder', '13.19', 'both', 'session', { kind: 'or', default: true }, true],
  ['ErrorRecoveryLevel', '13.20', 'both', 'session', { kind: 'minimum', default: 0, min: 0, max: 2 }, false],
  ['SessionType', '13.21', 'initiator', 'session', { kind: 'declared text', values: ['Discovery', 'Normal'] }, false],
  ['TaskReporting', '13.23', 'both', 'session', { kind: 'list', default: 'RFC3720', values: ['RFC3720', 'ResponseFence', 'FastAbort'] }, true],
  ['iSCSIProtocolLevel', '13.24', 'both', 'session', { kind: 'minimum', default: 1, min: 0, max: 31 }, true],
  ['IFMarker', '13.25', 'both', 'connection', { kind: 'obsolete', answer: 'No' }, false],
  ['OFMarker', '13.25', 'both', 'connection', { kind: 'obsolete', answer: 'No' }, false],
  ['IFMarkInt', '13.25', 'both', 'connection', { kind: 'obsolete', answer: 'Reject' }, false],
  ['OFMarkInt', '13.25', 'both', 'connection', { kind: 'obsolete', answer: 'Reject' }, false],
  ['X#NodeArchitecture', '13.26', 'both', 'session', { kind: 'declared text' }, false],
] // biome-ignore format: one line a key

describe('text keys (RFC 7143 13)', () => {
  test.each(RFC)('%s', (name, clause, senders, scope, row, irrelevant) => {
    expect(findKey(name)).toMatchObject({ clause, senders, scope, ...row })
    expect(findKey(name)?.irrelevantInDiscovery ?? false).toBe(irrelevant)
  })

  test('these and no others', () => {
    expect(Object.keys(KEYS)).toEqual(RFC.map(([name]) => name))
    for (const name of ['headerdigest', 'X-com.example.key', 'constructor', '__proto__', 'toString', ''])
      expect(findKey(name)).toBeUndefined()
  })

  test('what applies before anything is negotiated', () => {
    expect(defaultParameters()).toEqual({
      authMethod: 'None',
      headerDigest: 'None',
      dataDigest: 'None',
      maxConnections: 1,
      initialR2T: true,
      immediateData: true,
      maxRecvDataSegmentLengthSelf: 8192,
      maxRecvDataSegmentLengthPeer: 8192,
      maxBurstLength: 262144,
      firstBurstLength: 65536,
      defaultTime2Wait: 2,
      defaultTime2Retain: 20,
      maxOutstandingR2T: 1,
      dataPduInOrder: true,
      dataSequenceInOrder: true,
      errorRecoveryLevel: 0,
      taskReporting: 'RFC3720',
      iscsiProtocolLevel: 1,
    })
  })
})

// "Use" of RFC 7143 13: S security stage, O operational stage, F full feature phase; "-" where the sender may never.
const USE: [name: string, byInitiator: string, byTarget: string, leadingOnly: boolean][] = [
  ['AuthMethod', 'S', 'S', false],
  ['CHAP_A', 'S', 'S', false],
  ['CHAP_I', 'S', 'S', false],
  ['CHAP_C', 'S', 'S', false],
  ['CHAP_N', 'S', 'S', false],
  ['CHAP_R', 'S', 'S', false],
  ['HeaderDigest', 'O', 'O', false],
  ['DataDigest', 'O', 'O', false],
  ['MaxConnections', 'O', 'O', true],
  ['SendTargets', 'F', '-', false],
  ['TargetName', 'SO', 'SF', false],
  ['InitiatorName', 'SO', '-', false],
  ['TargetAlias', '-', 'SOF', false],
  ['InitiatorAlias', 'SOF', '-', false],
  ['TargetAddress', '-', 'SOF', false],
  ['TargetPortalGroupTag', '-', 'SO', false],
  ['InitialR2T', 'O', 'O', true],
  ['ImmediateData', 'O', 'O', true],
  ['MaxRecvDataSegmentLength', 'OF', 'OF', false],
  ['MaxBurstLength', 'O', 'O', true],
  ['FirstBurstLength', 'O', 'O', true],
  ['DefaultTime2Wait', 'O', 'O', true],
  ['DefaultTime2Retain', 'O', 'O', true],
  ['MaxOutstandingR2T', 'O', 'O', true],
  ['DataPDUInOrder', 'O', 'O', true],
  ['DataSequenceInOrder', 'O', 'O', true],
  ['ErrorRecoveryLevel', 'O', 'O', true],
  ['SessionType', 'SO', '-', true],
  ['TaskReporting', 'O', 'O', true],
  ['iSCSIProtocolLevel', 'O', 'O', true],
  ['IFMarker', 'O', 'O', false],
  ['OFMarkInt', 'O', 'O', false],
]

describe('who may send a key, and when (RFC 7143 13)', () => {
  const PHASES: [NegotiationPhase, string][] = [
    ['security', 'S'],
    ['operational', 'O'],
    ['full feature', 'F'],
  ]

  test.each(USE)('%s: initiator %s, target %s', (name, byInitiator, byTarget, leadingOnly) => {
    const row = findKey(name)!
    const senders: [Side, string][] = [
      ['initiator', byInitiator],
      ['target', byTarget],
    ]
    for (const [sender, allowed] of senders)
      for (const [phase, letter] of PHASES) {
        expect(misuse(row, sender, phase, true) === undefined, `${sender} ${phase}`).toBe(allowed.includes(letter))
        const later = allowed.includes(letter) && !leadingOnly
        expect(misuse(row, sender, phase, false) === undefined, `${sender} ${phase}, not leading`).toBe(later)
      }
  })
})
