// What vmfs-tools print, read from outputs that Debian's vmfs-tools 0.2.5 printed.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  allocatedBlocks,
  BANNER6,
  bitmapErrors,
  blockAddresses,
  fsckCounters,
  heartbeats,
  listing,
  shown,
  withoutBanner,
} from '../../conformance/vmfs/output.ts'

const output = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures/vmfs', `${name}.txt`), 'latin1')

describe('fsck.vmfs', () => {
  test('its five counters, findings or not', () => {
    expect(fsckCounters(output('fsck-findings'))).toEqual({
      'Unallocated blocks': 1,
      'Lost blocks': 2,
      'Undefined inodes': 0,
      'Orphaned inodes': 0,
      'Directory errors': 0,
    })
  })

  test('an output that ends early is a failure, not five zeros', () => {
    expect(() => fsckCounters(output('fsck-findings').split('Orphaned')[0] as string)).toThrow('Orphaned inodes')
    expect(() => fsckCounters('VMFS FSInfo: invalid magic number 0x00000000')).toThrow('Unallocated blocks')
  })
})

describe('debugvmfs', () => {
  test('check_vol_bitmaps: the number of errors', () => {
    expect(bitmapErrors(output('check-vol-bitmaps'))).toBe(0)
    expect(bitmapErrors('Checking FBB bitmaps...\nTotal errors: 17\n')).toBe(17)
    expect(() => bitmapErrors('Checking FBB bitmaps...\n')).toThrow('Total errors')
  })

  test('show: names and values', () => {
    expect(shown(output('show')).get('Label')).toBe('proto')
    expect(shown(output('show')).get('Creation time')).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    expect(shown(output('show-fbb')).get('Used items')).toBe('16')
    expect(shown(output('show-mdh')).get('HB Lock')).toBe('write lock')
    expect(shown(`${BANNER6}${output('show-fbb')}`)).toEqual(shown(output('show-fbb')))
  })

  test('show_heartbeats: every host', () => {
    const uuid = '44332211-88776655-aa99-bbccddeeff01'
    expect(heartbeats(output('show-heartbeats'))).toEqual([
      { position: 0x30f000, sequence: 127n, uptimeUs: 123456789n, uuid },
      { position: 0x37b000, sequence: 991n, uptimeUs: 123456789n, uuid },
    ])
  })

  test('ls -l: modes, links, sizes and names', () => {
    const files = listing(output('ls-l'))
    expect(files.length).toBe(13)
    expect(files[0]).toEqual({ mode: 'drwxr-xr-t', links: 4, size: 1820, name: '.' })
    expect(files).toContainEqual({ mode: '-rw-r--r--', links: 1, size: 11, name: 'hello.txt' })
  })

  test('ls -l: names with spaces, and in UTF-8', () => {
    const line = '-rw-r--r-- 1     root     root         11 2026-11-20 23:54:29 ä b'
    expect(listing(Buffer.from(`${line}\n`).toString('latin1')).map(({ name }) => name)).toEqual(['ä b'])
  })

  test('addresses of blocks', () => {
    expect(blockAddresses(output('blocks'))).toEqual([0x1n, 0x41n, 0x81n, 0xc1n])
    expect(blockAddresses(`${BANNER6}0x c88000000010001 0x c90000000010001 \n`)).toEqual([
      0xc88000000010001n,
      0xc90000000010001n,
    ])
  })

  test('df: allocated blocks', () => {
    expect(allocatedBlocks(output('df'))).toBe(16)
  })

  test('the banner of vmfs6-tools is cut off', () => {
    expect(withoutBanner(`${BANNER6}.\n..\n`)).toBe('.\n..\n')
    expect(BANNER6.length).toBe(16)
  })
})
