// The URL of a logical unit, in libiscsi's form.

import { describe, expect, test } from 'vitest'
import { OperatorError } from '../../src/errors.ts'
import { parseIscsiUrl } from '../../src/host/index.ts'

const IQN = 'iqn.2026-11.io.lunette:array1'

describe('parseIscsiUrl', () => {
  test.each([
    ['a host name, no port', `iscsi://array/${IQN}/0`, { host: 'array', port: 3260, targetName: IQN, lun: 0 }],
    [
      'an address and a port',
      `iscsi://127.0.0.1:49152/${IQN}/3`,
      { host: '127.0.0.1', port: 49152, targetName: IQN, lun: 3 },
    ],
    ['IPv6 in brackets', `iscsi://[::1]:3260/${IQN}/16383`, { host: '::1', port: 3260, targetName: IQN, lun: 16383 }],
    [
      'IPv6 without a port',
      `iscsi://[fe80::1%25eth0]/${IQN}/0`,
      { host: 'fe80::1%25eth0', port: 3260, targetName: IQN, lun: 0 },
    ],
    ['a name in capitals', `iscsi://a/${IQN.toUpperCase()}/0`, { host: 'a', port: 3260, targetName: IQN, lun: 0 }],
    [
      'a name percent-encoded',
      `iscsi://a/${encodeURIComponent(IQN)}/0`,
      { host: 'a', port: 3260, targetName: IQN, lun: 0 },
    ],
    [
      'an eui name',
      'iscsi://a/eui.0123456789abcdef/1',
      { host: 'a', port: 3260, targetName: 'eui.0123456789abcdef', lun: 1 },
    ],
  ])('%s', (_, url, expected) => {
    expect(parseIscsiUrl(url)).toEqual(expected)
  })

  test.each([
    ['another scheme', `http://a/${IQN}/0`, 'is not of the form iscsi://[USER%SECRET@]HOST[:PORT]/TARGET-NAME/LUN'],
    ['no host', `iscsi:///${IQN}/0`, 'is not of the form'],
    ['no LUN', `iscsi://a/${IQN}`, 'is not of the form'],
    ['a LUN that is no number', `iscsi://a/${IQN}/x`, 'is not of the form'],
    ['a negative LUN', `iscsi://a/${IQN}/-1`, 'is not of the form'],
    ['something behind the LUN', `iscsi://a/${IQN}/0/1`, 'is not of the form'],
    ['an empty string', '', 'is not of the form'],
    ['IPv6 without brackets', `iscsi://::1/${IQN}/0`, 'is not of the form'],
    ['no iSCSI name', 'iscsi://a/disk1/0', '"disk1" is no iSCSI name'],
    ['a broken percent-encoding', 'iscsi://a/%zz/0', 'is no iSCSI name'],
    ['port 0', `iscsi://a:0/${IQN}/0`, 'the port is 0'],
    ['port 65536', `iscsi://a:65536/${IQN}/0`, 'the port is 65536'],
    ['LUN 16384', `iscsi://a/${IQN}/16384`, 'the LUN is 16384'],
  ])('%s is refused', (_, url, message) => {
    expect(() => parseIscsiUrl(url)).toThrow(OperatorError)
    expect(() => parseIscsiUrl(url)).toThrow(message)
  })

  test.each([
    ['a percent sign between them, as libiscsi has it', 'alice%hunter2hunter2', 'alice', 'hunter2hunter2'],
    ['a colon', 'alice:hunter2hunter2', 'alice', 'hunter2hunter2'],
    ['more of both in the secret', 'alice%a:b%c:d', 'alice', 'a:b%c:d'],
    ['a colon in the name', 'iqn.2026-11.io.x:y%secret', 'iqn.2026-11.io.x:y', 'secret'],
    ['slashes and spaces', 'al ice%a/b c', 'al ice', 'a/b c'],
  ])('user and secret: %s', (_, credentials, user, secret) => {
    expect(parseIscsiUrl(`iscsi://${credentials}@[::1]:3261/${IQN}/1`)).toEqual({
      host: '::1',
      port: 3261,
      targetName: IQN,
      lun: 1,
      auth: { chap: { user, secret } },
    })
  })

  test.each([
    ['a user without a secret', `iscsi://hunter2@a/${IQN}/0`],
    ['an empty secret', `iscsi://hunter2%@a/${IQN}/0`],
    ['an empty user', `iscsi://%hunter2@a/${IQN}/0`],
    ['nothing', `iscsi://@a/${IQN}/0`],
    ['credentials in front of another mistake', `iscsi://alice%hunter2@a:0/${IQN}/0`],
    ['credentials in front of no URL', 'alice%hunter2@a'],
    ['an @ in the secret', `iscsi://alice%hunter@hunter2@a/${IQN}/0`],
  ])('%s is refused, and not repeated', (_, url) => {
    expect(() => parseIscsiUrl(url)).toThrow(OperatorError)
    expect(() => parseIscsiUrl(url)).not.toThrow(/hunter/)
  })
})
