// The text keys that the target negotiates (RFC 7143 12, 13), each by the result function that the standard gives it, against
// what this target is ready for; and that the session then keeps to what was agreed.

import { beforeAll, describe, expect, test } from 'vitest'
import { LOGIN_STAGE, STATUS, TEST_UNIT_READY } from '../../protocol/index.ts'
import { memory, openArray, type TestArray } from './array.ts'
import { keysOf, text } from './raw.ts'

const NAMES = { InitiatorName: 'iqn.2026-11.io.lunette:raw' }
const { LOGIN_OPERATIONAL_NEGOTIATION: OPERATIONAL, FULL_FEATURE_PHASE: FULL } = LOGIN_STAGE
const toFull = { transit: true, currentStage: OPERATIONAL, nextStage: FULL }

let array: TestArray

beforeAll(async () => {
  array = await openArray([memory()])
  return () => array.close()
})

async function offer(keys: Record<string, string>) {
  const raw = await array.raw()
  const { header, data } = await raw.loginStep(text({ ...NAMES, TargetName: array.iqn, ...keys }), toFull)
  return { raw, header, answers: keysOf(data) }
}

/** What the target is ready for, from its offers' answers at the far end of each range. */
const MAX_BURST = 1024 * 1024
const FIRST_BURST = 256 * 1024

describe('results (RFC 7143 6.2.1, 6.2.2, 13.1, 13.2, 13.10, 13.11, 13.13 to 13.20, 13.22 to 13.25)', () => {
  test.each<[string, string, string]>([
    ['InitialR2T', 'No', 'No'],
    ['ImmediateData', 'Yes', 'Yes'],
    ['ImmediateData', 'No', 'No'],
    ['MaxBurstLength', '512', '512'],
    ['MaxBurstLength', '0x1000', '4096'],
    ['MaxBurstLength', '16777215', `${MAX_BURST}`],
    ['FirstBurstLength', '512', '512'],
    ['FirstBurstLength', '16777215', `${FIRST_BURST}`],
    ['MaxOutstandingR2T', '1', '1'],
    ['MaxOutstandingR2T', '65535', '4'],
    ['MaxConnections', '1', '1'],
    ['MaxConnections', '8', '8'],
    ['MaxConnections', '65535', '8'],
    ['DefaultTime2Wait', '0', '2'],
    ['DefaultTime2Wait', '3600', '3600'],
    ['DefaultTime2Retain', '3600', '0'],
    ['DefaultTime2Retain', '0', '0'],
    ['ErrorRecoveryLevel', '0', '0'],
    ['ErrorRecoveryLevel', '1', '1'],
    ['ErrorRecoveryLevel', '2', '1'],
    ['DataPDUInOrder', 'No', 'Yes'],
    ['DataSequenceInOrder', 'No', 'Yes'],
    ['HeaderDigest', 'None', 'None'],
    ['HeaderDigest', 'CRC32C', 'CRC32C'],
    ['HeaderDigest', 'CRC32C,None', 'CRC32C'],
    ['HeaderDigest', 'None,CRC32C', 'None'],
    ['HeaderDigest', 'X-strange,CRC32C', 'CRC32C'],
    ['DataDigest', 'CRC32C,None', 'CRC32C'],
    ['DataDigest', 'None', 'None'],
    ['TaskReporting', 'RFC3720', 'RFC3720'],
    ['TaskReporting', 'FastAbort,ResponseFence,RFC3720', 'FastAbort'],
    ['TaskReporting', 'ResponseFence,RFC3720', 'ResponseFence'],
    ['iSCSIProtocolLevel', '0', '0'],
    ['iSCSIProtocolLevel', '1', '1'],
    ['iSCSIProtocolLevel', '2', '2'],
    ['iSCSIProtocolLevel', '31', '2'],
    ['X-io.lunette.unknown', 'value', 'NotUnderstood'],
    ['Zzz', '1', 'NotUnderstood'],
    ['IFMarker', 'No', 'No'],
    ['OFMarker', 'Yes', 'No'],
    ['IFMarkInt', '1~65535', 'Reject'],
  ])('%s=%s: %s', async (key, offered, answer) => {
    const { header, answers } = await offer({ [key]: offered })
    expect(header).toMatchObject({ statusClass: 0, transit: true })
    expect(answers[key]).toBe(answer)
  })

  test.each([
    ['InitialR2T', 'Yes'],
    ['DataPDUInOrder', 'Yes'],
    ['DataSequenceInOrder', 'Yes'],
  ])('%s=%s decides alone: Yes, or no answer', async (key, offered) => {
    expect([undefined, 'Yes']).toContain((await offer({ [key]: offered })).answers[key])
  })

  test.each([
    ['MaxBurstLength', '511'],
    ['MaxBurstLength', '16777216'],
    ['MaxBurstLength', 'many'],
    ['MaxBurstLength', ''],
    ['MaxBurstLength', '-1'],
    ['MaxBurstLength', '1e3'],
    ['MaxBurstLength', '08192'],
    ['MaxBurstLength', '0x'],
    ['FirstBurstLength', '0'],
    ['MaxOutstandingR2T', '0'],
    ['MaxOutstandingR2T', '65536'],
    ['MaxConnections', '0'],
    ['DefaultTime2Wait', '3601'],
    ['DefaultTime2Retain', '-0'],
    ['ErrorRecoveryLevel', '3'],
    ['ImmediateData', 'yes'],
    ['InitialR2T', 'true'],
    ['DataPDUInOrder', '1'],
    ['HeaderDigest', 'MD5'],
    ['HeaderDigest', 'crc32c'],
    ['TaskReporting', 'Fast'],
  ])('%s=%s is not admissible: Reject, or the login fails', async (key, offered) => {
    const { header, answers } = await offer({ [key]: offered })
    if (header.statusClass === 0) expect(answers[key]).toBe('Reject')
    else expect(header.statusClass).toBe(2)
  })

  test('FirstBurstLength is never more than MaxBurstLength, in either order of the keys', async () => {
    for (const keys of [
      { MaxBurstLength: '1024', FirstBurstLength: '65536' },
      { FirstBurstLength: '65536', MaxBurstLength: '1024' },
    ]) {
      const { answers } = await offer(keys)
      expect(answers.MaxBurstLength).toBe('1024')
      expect(Number(answers.FirstBurstLength)).toBeLessThanOrEqual(1024)
    }
  })

  test('MaxRecvDataSegmentLength is declared by the target, whatever the initiator declares (RFC 7143 13.12)', async () => {
    for (const length of ['512', '16777215']) {
      const own = Number((await offer({ MaxRecvDataSegmentLength: length })).answers.MaxRecvDataSegmentLength)
      expect(own).toBeGreaterThanOrEqual(512)
      expect(own).toBeLessThan(2 ** 24)
    }
    for (const length of ['511', '16777216', 'x'])
      expect((await offer({ MaxRecvDataSegmentLength: length })).header.statusClass).toBe(2)
  })

  test('the answers come in the order of the offers', async () => {
    const keys = ['MaxBurstLength', 'X-a', 'DefaultTime2Wait', 'HeaderDigest', 'ErrorRecoveryLevel']
    const values = ['8192', '1', '2', 'None', '0']
    const { answers } = await offer(Object.fromEntries(keys.map((key, i) => [key, values[i]!])))
    expect(Object.keys(answers).filter((key) => keys.includes(key))).toEqual(keys)
  })
})

describe('the keys of well-known initiators', () => {
  test.each<[string, Record<string, string>]>([
    [
      'open-iscsi',
      {
        InitiatorAlias: 'host',
        SessionType: 'Normal',
        HeaderDigest: 'None',
        DataDigest: 'None',
        DefaultTime2Wait: '2',
        DefaultTime2Retain: '0',
        IFMarker: 'No',
        OFMarker: 'No',
        ErrorRecoveryLevel: '0',
        InitialR2T: 'No',
        ImmediateData: 'Yes',
        MaxBurstLength: '16776192',
        FirstBurstLength: '262144',
        MaxOutstandingR2T: '1',
        MaxConnections: '1',
        DataPDUInOrder: 'Yes',
        DataSequenceInOrder: 'Yes',
        MaxRecvDataSegmentLength: '262144',
      },
    ],
    [
      'libiscsi',
      {
        HeaderDigest: 'None,CRC32C',
        DataDigest: 'None',
        InitialR2T: 'No',
        ImmediateData: 'Yes',
        MaxBurstLength: '262144',
        FirstBurstLength: '262144',
        MaxRecvDataSegmentLength: '262144',
        DataPDUInOrder: 'Yes',
        DefaultTime2Wait: '2',
        DefaultTime2Retain: '0',
        IFMarker: 'No',
        OFMarker: 'No',
        MaxConnections: '1',
        MaxOutstandingR2T: '1',
        ErrorRecoveryLevel: '0',
        DataSequenceInOrder: 'Yes',
      },
    ],
    [
      'Windows',
      {
        InitiatorAlias: 'WIN-1',
        SessionType: 'Normal',
        HeaderDigest: 'None,CRC32C',
        DataDigest: 'None,CRC32C',
        MaxRecvDataSegmentLength: '65536',
        InitialR2T: 'No',
        ImmediateData: 'Yes',
        MaxBurstLength: '262144',
        FirstBurstLength: '65536',
        MaxConnections: '1',
        DataPDUInOrder: 'Yes',
        DataSequenceInOrder: 'Yes',
        DefaultTime2Wait: '0',
        DefaultTime2Retain: '60',
        MaxOutstandingR2T: '16',
        ErrorRecoveryLevel: '2',
      },
    ],
    [
      'ESXi',
      {
        SessionType: 'Normal',
        HeaderDigest: 'None',
        DataDigest: 'None',
        MaxRecvDataSegmentLength: '131072',
        DefaultTime2Wait: '0',
        DefaultTime2Retain: '0',
        InitialR2T: 'Yes',
        ImmediateData: 'Yes',
        MaxBurstLength: '262144',
        FirstBurstLength: '262144',
        MaxConnections: '1',
        MaxOutstandingR2T: '1',
        ErrorRecoveryLevel: '0',
        DataPDUInOrder: 'Yes',
        DataSequenceInOrder: 'Yes',
        OFMarker: 'No',
        IFMarker: 'No',
        'X-com.vmware.iscsi': '1',
      },
    ],
  ])('%s logs in and is understood', async (_, keys) => {
    const { raw, header, answers } = await offer(keys)
    expect(header).toMatchObject({ statusClass: 0, transit: true })
    for (const [key, value] of Object.entries(answers))
      if (!key.startsWith('X-')) expect(value, key).not.toMatch(/NotUnderstood|Reject/)
    raw.command(TEST_UNIT_READY.encode({}))
    expect((await raw.response()).header.status).toBe(STATUS.CHECK_CONDITION)
  })
})
