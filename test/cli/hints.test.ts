// The lines to type next.

import type { NetworkInterfaceInfo } from 'node:os'
import { describe, expect, test } from 'vitest'
import { nextLines, reachable } from '../../src/cli/hints.ts'

describe('nextLines', () => {
  test('are what stock tools take', () =>
    expect(nextLines('127.0.0.1:3260', 'iqn.2026-11.io.lunette:array1', 0)).toEqual([
      'iscsiadm -m discovery -t st -p 127.0.0.1:3260',
      'iscsiadm -m node -T iqn.2026-11.io.lunette:array1 -p 127.0.0.1:3260 --login',
      'iscsi-ls -s iscsi://127.0.0.1:3260',
      'iscsi-inq iscsi://127.0.0.1:3260/iqn.2026-11.io.lunette:array1/0',
      'lunette vaai status iscsi://127.0.0.1:3260/iqn.2026-11.io.lunette:array1/0',
      'qemu-img info iscsi://127.0.0.1:3260/iqn.2026-11.io.lunette:array1/0',
      'qemu-img convert -O qcow2 iscsi://127.0.0.1:3260/iqn.2026-11.io.lunette:array1/0 lun0.qcow2',
    ]))
  test('with the user that CHAP asks for, and a word in place of the secret', () => {
    const lines = nextLines('127.0.0.1:3260', 'iqn.2026-11.io.x:a', 0, { discovery: 'finder', target: 'al ice' })
    expect(lines.slice(2, 4)).toEqual([
      'iscsi-ls iscsi://finder%SECRET@127.0.0.1:3260',
      "iscsi-inq 'iscsi://al ice%SECRET@127.0.0.1:3260/iqn.2026-11.io.x:a/0'",
    ])
    expect(nextLines('a:1', 'iqn.2026-11.io.x:a', 0, { target: "o'b" })[3]).toBe(
      "iscsi-inq 'iscsi://o'\\''b%SECRET@a:1/iqn.2026-11.io.x:a/0'",
    )
  })
  test('without a LUN there is nothing to look at', () =>
    expect(nextLines('[::1]:3260', 'iqn.2026-11.io.lunette:array1', undefined)).toEqual([
      'iscsiadm -m discovery -t st -p [::1]:3260',
      'iscsiadm -m node -T iqn.2026-11.io.lunette:array1 -p [::1]:3260 --login',
      'iscsi-ls -s iscsi://[::1]:3260',
    ]))
})

describe('reachable', () => {
  const address = (family: 'IPv4' | 'IPv6', text: string, internal = false) =>
    ({ family, address: text, internal }) as NetworkInterfaceInfo
  const machine = {
    lo: [address('IPv4', '127.0.0.1', true), address('IPv6', '::1', true)],
    eth0: [
      address('IPv6', 'fe80::1'),
      address('IPv4', '169.254.3.4'),
      address('IPv4', '10.0.0.7'),
      address('IPv6', '2001:db8::7'),
    ],
  }
  const alone = { lo: machine.lo }

  test.each([
    ['0.0.0.0:3260', '10.0.0.7:3260', '127.0.0.1:3260'],
    ['[::]:3260', '[2001:db8::7]:3260', '[::1]:3260'],
    ['[0:0:0:0:0:0:0:0]:3260', '[2001:db8::7]:3260', '[::1]:3260'],
    ['127.0.0.1:3260', '127.0.0.1:3260', '127.0.0.1:3260'],
    ['[::1]:3260', '[::1]:3260', '[::1]:3260'],
    ['10.9.9.9:1', '10.9.9.9:1', '10.9.9.9:1'],
  ])('%s is typed as %s, on a machine without a network as %s', (portal, there, here) => {
    expect(reachable(portal, machine)).toBe(there)
    expect(reachable(portal, alone)).toBe(here)
  })
})
