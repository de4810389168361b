// The configuration: for every key what a wrong value is answered with, and keys that there are not.

import { describe, expect, test } from 'vitest'
import { firstLun, lunRefusal, NAA, refusal } from './refusals.ts'

const ANY_U32 = 'a whole number from 0 to 4294967295'
const FLAG = 'true, false'
const NAME = 'an iSCSI name: iqn.YYYY-MM.REVERSED.DOMAIN:NAME, eui. with 16 or naa. with 16 or 32 hex digits'
const ENTRY = NAME.replace('name:', 'name, with * for any run of characters:')
const NAMES = 'any, or a list of iSCSI names'
const NAA_FORMS = 'auto, or 32 hex digits that start with 6, or 16 that start with 2, 3 or 5, in quotes'
const SIZE = 'at least one block: a number of bytes, or a number with KiB, MiB, GiB or TiB'
const SEGMENT = '4KiB to 4294967295 bytes: a number of bytes, or a number with KiB, MiB, GiB or TiB'
const ascii = (max: number) => `1 to ${max} printable ASCII characters in quotes`

describe('a wrong value names the key, what was found and what is allowed', () => {
  test.each([
    [{ data: 3 }, 'data: found 3; allowed: the path of a directory'],
    [{ data: '' }, 'data: found ""; allowed: the path of a directory'],
    [{ portals: '127.0.0.1:3260' }, 'portals: found "127.0.0.1:3260"; allowed: a list of portals, at least one'],
    [{ portals: [] }, 'portals: found an empty list; allowed: a list of portals, at least one'],
    [{ portals: ['x'] }, 'portals[0]: found "x"; allowed: HOST:PORT or [IPV6]:PORT with a port from 0 to 65535'],
    [{ portals: [3260] }, 'portals[0]: found 3260; allowed: HOST:PORT or [IPV6]:PORT with a port from 0 to 65535'],
    [{ targets: {} }, 'targets: found a mapping; allowed: a list of targets, at least one'],
    [{ targets: [] }, 'targets: found an empty list; allowed: a list of targets, at least one'],
    [
      { targets: [1] },
      'targets[0]: found 1; allowed: a mapping with the keys iqn, portals, auth, initiators, redirect, abortFinished, errorRecoveryLevel, luns',
    ],
    [{ targets: [{ iqn: 'array1' }] }, `targets[0].iqn: found "array1"; allowed: ${NAME}`],
    [{ targets: [{ iqn: null }] }, `targets[0].iqn: found nothing; allowed: ${NAME}`],
    [
      { targets: [{ portals: 'some' }] },
      'targets[0].portals: found "some"; allowed: all, or a list of indexes into portals',
    ],
    [
      { targets: [{ portals: [] }] },
      'targets[0].portals: found an empty list; allowed: all, or a list of indexes into portals',
    ],
    [{ targets: [{ portals: [-1] }] }, 'targets[0].portals[0]: found -1; allowed: a whole number from 0 to 65535'],
    [{ targets: [{ initiators: 'none' }] }, `targets[0].initiators: found "none"; allowed: ${NAMES}`],
    [{ targets: [{ initiators: ['any'] }] }, `targets[0].initiators[0]: found "any"; allowed: ${ENTRY}`],
    [{ targets: [{ abortFinished: true }] }, 'targets[0].abortFinished: found true; allowed: notExist, complete'],
    [{ targets: [{ errorRecoveryLevel: 3 }] }, 'targets[0].errorRecoveryLevel: found 3; allowed: 0, 1, 2'],
    [{ targets: [{ errorRecoveryLevel: '2' }] }, 'targets[0].errorRecoveryLevel: found "2"; allowed: 0, 1, 2'],
    [{ targets: [{ luns: 0 }] }, 'targets[0].luns: found 0; allowed: a list of LUNs'],
  ])('%j', (input, message) => expect(refusal(input)).toBe(message))

  test.each([
    [{ id: -1 }, 'id: found -1; allowed: a whole number from 0 to 16383'],
    [{ id: 16384 }, 'id: found 16384; allowed: a whole number from 0 to 16383'],
    [{ id: '0' }, 'id: found "0"; allowed: a whole number from 0 to 16383'],
    [{ store: 'sparse' }, 'store: found "sparse"; allowed: a mapping with the keys type, path'],
    [{ store: { type: 'block' } }, 'store.type: found "block"; allowed: sparse, file, memory, null'],
    [{ store: { type: null } }, 'store.type: found nothing; allowed: sparse, file, memory, null'],
    [{ store: { path: '' } }, 'store.path: found ""; allowed: the path of a file'],
    [{ store: { path: 'a\0b' } }, 'store.path: found "a\\u0000b"; allowed: the path of a file'],
    [{ store: { type: 'memory', path: 'x' } }, 'store.path: found "x"; allowed: no path (a memory store has no image)'],
    [{ store: { type: 'null', path: 'x' } }, 'store.path: found "x"; allowed: no path (a null store has no image)'],
    [{ size: '10GB' }, `size: found "10GB"; allowed: ${SIZE}`],
    [{ size: 511 }, `size: found 511; allowed: ${SIZE}`],
    [{ size: 1000 }, 'size: found 1000; allowed: a multiple of blockSize, 512'],
    [{ size: 512, blockSize: 4096 }, 'size: found 512; allowed: at least one block, 4096'],
    [{ size: 4608, physicalBlockSize: 4096 }, 'size: found 4608; allowed: a multiple of physicalBlockSize, 4096'],
    [{ blockSize: 1024 }, 'blockSize: found 1024; allowed: 512, 4096'],
    [{ physicalBlockSize: 0 }, 'physicalBlockSize: found 0; allowed: a whole number from 512 to 134217728'],
    [{ physicalBlockSize: 1536 }, 'physicalBlockSize: found 1536; allowed: blockSize, 512, times a power of two'],
    [
      { blockSize: 4096, physicalBlockSize: 512 },
      'physicalBlockSize: found 512; allowed: blockSize, 4096, times a power of two',
    ],
    [{ provisioning: 'lazy' }, 'provisioning: found "lazy"; allowed: thin, thick'],
    [
      { store: { type: 'file' }, provisioning: 'thin' },
      'provisioning: found "thin"; allowed: thick (a file store is fully allocated; the sparse store is thin)',
    ],
    [
      { provisioning: 'thick' },
      'provisioning: found "thick"; allowed: thin (a sparse store allocates on write; the file store is thick)',
    ],
    [{ readOnly: 'yes' }, `readOnly: found "yes"; allowed: ${FLAG}`],
    [{ removable: 'no' }, `removable: found "no"; allowed: ${FLAG}`],
    [{ writeCache: 1 }, `writeCache: found 1; allowed: ${FLAG}`],
    [{ initiators: true }, `initiators: found true; allowed: ${NAMES}`],
    [{ initiators: [3] }, `initiators[0]: found 3; allowed: ${ENTRY}`],
    [
      { identity: [] },
      'identity: found an empty list; allowed: a mapping with the keys vendor, product, revision, naa, serial',
    ],
    [{ identity: { vendor: 'NINECHARS' } }, `identity.vendor: found "NINECHARS"; allowed: ${ascii(8)}`],
    [{ identity: { vendor: '' } }, `identity.vendor: found ""; allowed: ${ascii(8)}`],
    [
      { identity: { product: 'SEVENTEEN LETTERS' } },
      `identity.product: found "SEVENTEEN LETTERS"; allowed: ${ascii(16)}`,
    ],
    [{ identity: { revision: 1 } }, `identity.revision: found 1; allowed: ${ascii(4)}`],
    [{ identity: { revision: 'é' } }, `identity.revision: found "é"; allowed: ${ascii(4)}`],
    [{ identity: { naa: '6001' } }, `identity.naa: found "6001"; allowed: ${NAA_FORMS}`],
    [{ identity: { naa: `5${NAA.slice(1)}` } }, `identity.naa: found "5${NAA.slice(1)}"; allowed: ${NAA_FORMS}`],
    [{ identity: { naa: 6 } }, `identity.naa: found 6; allowed: ${NAA_FORMS}`],
    [{ identity: { serial: 12 } }, `identity.serial: found 12; allowed: ${ascii(128)}`],
    [{ identity: { serial: 'a\nb' } }, `identity.serial: found "a\\nb"; allowed: ${ascii(128)}`],
    [{ vaai: false }, 'vaai: found false; allowed: a mapping with the keys ats, clone, zero, delete'],
    [{ vaai: { ats: 'no' } }, `vaai.ats: found "no"; allowed: ${FLAG}`],
    [{ vaai: { clone: 0 } }, `vaai.clone: found 0; allowed: ${FLAG}`],
    [{ vaai: { zero: null } }, `vaai.zero: found nothing; allowed: ${FLAG}`],
    [{ vaai: { delete: {} } }, `vaai.delete: found a mapping; allowed: ${FLAG}`],
    [
      { limits: { compareAndWriteBlocks: 256 } },
      'limits.compareAndWriteBlocks: found 256; allowed: a whole number from 0 to 255',
    ],
    [
      { limits: { compareAndWriteBlocks: 0 } },
      'limits.compareAndWriteBlocks: found 0; allowed: at least 1 while vaai.ats is true',
    ],
    [{ limits: { transferBlocks: 2 ** 32 } }, `limits.transferBlocks: found 4294967296; allowed: ${ANY_U32}`],
    [{ limits: { writeSameBlocks: -1 } }, `limits.writeSameBlocks: found -1; allowed: ${ANY_U32}`],
    [{ limits: { writeSameZeroMeansEnd: 0 } }, `limits.writeSameZeroMeansEnd: found 0; allowed: ${FLAG}`],
    [{ limits: { unmapBlocks: 1.5 } }, `limits.unmapBlocks: found 1.5; allowed: ${ANY_U32}`],
    [{ limits: { unmapBlocks: 0 } }, 'limits.unmapBlocks: found 0; allowed: at least 1 while vaai.delete is true'],
    [{ limits: { unmapDescriptors: '256' } }, `limits.unmapDescriptors: found "256"; allowed: ${ANY_U32}`],
    [
      { limits: { unmapDescriptors: 0 } },
      'limits.unmapDescriptors: found 0; allowed: at least 1 while vaai.delete is true',
    ],
    [
      { limits: { unmapGranularityBlocks: 0 } },
      'limits.unmapGranularityBlocks: found 0; allowed: a whole number from 1 to 4294967295',
    ],
    [{ limits: { anchor: 'maybe' } }, `limits.anchor: found "maybe"; allowed: ${FLAG}`],
    [{ limits: { atomicBlocks: 65_536 } }, 'limits.atomicBlocks: found 65536; allowed: a whole number from 0 to 65535'],
    [
      { limits: { transferBlocks: 128, atomicBlocks: 129 } },
      'limits.atomicBlocks: found 129; allowed: at most transferBlocks, 128',
    ],
    [
      { blockSize: 4096, limits: { atomicBlocks: 8193 } },
      'limits.atomicBlocks: found 8193; allowed: at most 8192 blocks of 4096',
    ],
    [
      { limits: { atomicBlocks: 8, atomicGranularityBlocks: 16 } },
      'limits.atomicGranularityBlocks: found 16; allowed: at most atomicBlocks, 8',
    ],
    [
      { limits: { atomicBlocks: 0, atomicAlignmentBlocks: 8 } },
      'limits.atomicAlignmentBlocks: found 8; allowed: 0 while atomicBlocks is 0',
    ],
    [
      { limits: { atomicAlignmentBlocks: -1 } },
      'limits.atomicAlignmentBlocks: found -1; allowed: a whole number from 0 to 65535',
    ],
    [{ limits: { copySegmentBytes: '4GiB' } }, `limits.copySegmentBytes: found "4GiB"; allowed: ${SEGMENT}`],
    [{ limits: { copySegmentBytes: 0 } }, `limits.copySegmentBytes: found 0; allowed: ${SEGMENT}`],
    [
      { limits: { copySegmentBytes: 5000 } },
      'limits.copySegmentBytes: found 5000; allowed: a multiple of blockSize, 512',
    ],
    [{ dpoFua: 'true' }, `dpoFua: found "true"; allowed: ${FLAG}`],
    [{ scsiVersion: 7 }, 'scsiVersion: found 7; allowed: 5, 6'],
    [{ sanitizeSeconds: -1 }, 'sanitizeSeconds: found -1; allowed: a whole number from 0 to 86400'],
    [{ sanitizeSeconds: 86_401 }, 'sanitizeSeconds: found 86401; allowed: a whole number from 0 to 86400'],
    [{ sanitizeSeconds: '8s' }, 'sanitizeSeconds: found "8s"; allowed: a whole number from 0 to 86400'],
    [null, 'found nothing'],
  ])('LUN %j', (lun, message) =>
    expect(lunRefusal(lun)).toContain(message === 'found nothing' ? message : `targets[0].luns[0].${message}`),
  )

  test.each([null, 3, 'x', [], true])('a configuration that is %j', (input) =>
    expect(refusal(input)).toMatch(
      /^found .+; allowed: a mapping with the keys data, portals, discoveryAuth, limits, pools, targets$/,
    ),
  )

  test('the last value that is allowed', () => {
    const physical = { size: '4GiB', blockSize: 512, physicalBlockSize: 512 * 2 ** 15 }
    expect(firstLun(physical)?.physicalBlockSize).toBe(2 ** 24)
    expect(lunRefusal({ ...physical, physicalBlockSize: 2 ** 25 })).toContain('times a power of two')
    expect(firstLun({ size: 512 })?.size).toBe(512)
    expect(firstLun({ identity: { serial: 's'.repeat(128) } })?.identity.serial).toHaveLength(128)
    expect(lunRefusal({ identity: { serial: 's'.repeat(129) } })).toContain(ascii(128))
    expect(firstLun({ limits: { copySegmentBytes: 4096 } })?.limits.copySegmentBytes).toBe(4096)
  })

  test('atomicBlocks follows transferBlocks down, and is 256 where nothing limits a transfer', () => {
    const atomicBlocks = (limits: object) => firstLun({ limits })?.limits.atomicBlocks
    expect(atomicBlocks({ transferBlocks: 16 })).toBe(16)
    expect(atomicBlocks({ transferBlocks: 0 })).toBe(256)
    expect(atomicBlocks({ transferBlocks: 1024 })).toBe(256)
    expect(atomicBlocks({ transferBlocks: 0, atomicBlocks: 65_535 })).toBe(65_535)
    expect(atomicBlocks({ atomicBlocks: 0 })).toBe(0)
  })

  test('a long value is cut', () =>
    expect(lunRefusal({ size: 'x'.repeat(5000) })).toBe(
      `targets[0].luns[0].size: found "${'x'.repeat(58)}…; allowed: ${SIZE}`,
    ))
})

describe('unknown keys', () => {
  test.each([
    [
      { portal: ['x:1'] },
      'portal: unknown key, did you mean portals? allowed: data, portals, discoveryAuth, limits, pools, targets',
    ],
    [
      { targets: [{ login: {} }] },
      'targets[0].login: unknown key; allowed: iqn, portals, auth, initiators, redirect, abortFinished, errorRecoveryLevel, luns',
    ],
    [{ 'a b': 1 }, '["a b"]: unknown key; allowed: data, portals, discoveryAuth, limits, pools, targets'],
    [
      JSON.parse('{"__proto__": 1}'),
      '__proto__: unknown key; allowed: data, portals, discoveryAuth, limits, pools, targets',
    ],
  ])('%j', (input, message) => expect(refusal(input)).toBe(message))
})
