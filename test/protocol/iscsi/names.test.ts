import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isIscsiName, normalizeIscsiName } from '../../../protocol/iscsi/names.ts'

describe('iSCSI names (RFC 7143 4.2.7)', () => {
  test.each([
    'iqn.2001-04.com.example',
    'iqn.2001-04.com.example:storage:diskarrays-sn-a8675309',
    'iqn.2001-04.com.example:storage.tape1.sys1.xyz',
    'iqn.1998-01.com.vmware:esx01-4f2a1b3c',
    'iqn.1993-08.org.debian:01:1234567890ab',
    'iqn.2026-11.io.lunette:büro-東京',
    'eui.02004567a425678d',
    'naa.52004567ba64678d',
    'naa.62004567ba64678d0123456789abcdef',
    `iqn.2001-04.com.example:${'a'.repeat(199)}`,
  ])('%s', (name) => {
    expect(normalizeIscsiName(name)).toBe(name)
    expect(isIscsiName(name)).toBe(true)
  })

  test.each([
    ['IQN.2001-04.COM.Example:Disk', 'iqn.2001-04.com.example:disk'],
    ['eui.02004567A425678D', 'eui.02004567a425678d'],
    ['NAA.52004567BA64678D', 'naa.52004567ba64678d'],
    ['iqn.2001-04.com.example:ﬁle', 'iqn.2001-04.com.example:file'],
    ['iqn.2001-04.com.example:J\u030c', 'iqn.2001-04.com.example:\u01f0'],
  ])('%s is compared as %s (RFC 3722)', (name, normal) => {
    expect(normalizeIscsiName(name)).toBe(normal)
    expect(isIscsiName(name)).toBe(false)
  })

  test.each([
    '',
    'iqn',
    'iqn.',
    'iqn.com.example',
    'iqn.2001-04',
    'iqn.2001-04.',
    'iqn.2001-4.com.example',
    'iqn.2001-13.com.example',
    'iqn.2001-00.com.example',
    'iqn.2001-04..com',
    'iqn.2001-04.com..example',
    'iqn.2001-04.-com.example',
    'iqn.2001-04.com.example:',
    'iqn.2001-04.com.example:a b',
    'iqn.2001-04.com.example:a_b',
    'iqn.2001-04.com.example:a/b',
    'iqn.2001-04.com.example:a\n',
    'iqn.2001-04.com.example,t,0x1',
    'eui.02004567a425678',
    'eui.02004567a425678d0',
    'eui.0200456_a425678d',
    'naa.52004567ba64678',
    'naa.52004567ba64678d0123456789abcde',
    'mac.0123456789ab',
    'All',
    `iqn.2001-04.com.example:${'a'.repeat(200)}`,
    `iqn.2001-04.com.example:${'ü'.repeat(100)}`,
  ])('not "%s"', (name) => {
    expect(normalizeIscsiName(name)).toBeUndefined()
    expect(isIscsiName(name)).toBe(false)
  })

  test('normalizing is done once: the normal form of a normal form is itself', () => {
    const name = fc.string({ unit: 'grapheme', maxLength: 20 }).map((tail) => `iqn.2001-04.com.example:${tail}`)
    fc.assert(
      fc.property(name, (any) => {
        const normal = normalizeIscsiName(any)
        if (normal !== undefined) expect(normalizeIscsiName(normal)).toBe(normal)
      }),
    )
  })
})
