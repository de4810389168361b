// The matrix of what a reservation of another host admits, against the table of SPC-4 and SPC-2 in its own shape.

import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import {
  admits,
  differences,
  PROBES,
  probeScript,
  type ReservationType,
  situationOf,
} from '../../conformance/reservations/matrix.ts'

const TYPES: readonly ReservationType[] = [1, 3, 5, 6, 7, 8]
const command = (name: string) => PROBES.find((probe) => probe.name === name)!

describe('what is admitted', () => {
  test.each([
    // Columns: types 1, 3, 5, 6, 7 and 8 held by another; this host without and with a registration.
    ['INQUIRY', 'yyyyyy', 'yyyyyy'],
    ['READ CAPACITY(16)', 'yyyyyy', 'yyyyyy'],
    ['TEST UNIT READY', 'yyyyyy', 'yyyyyy'],
    ['READ(10)', 'y-y-y-', 'y-yyyy'],
    ['MODE SENSE(6)', 'y-y-y-', 'y-yyyy'],
    ['GET LBA STATUS', 'y-y-y-', 'y-yyyy'],
    ['WRITE(10)', '------', '--yyyy'],
    ['UNMAP', '------', '--yyyy'],
    ['SANITIZE', '------', '--yyyy'],
    ['RECEIVE COPY RESULTS', 'yyyyyy', 'yyyyyy'],
  ])('%s', (name, unregistered, registered) => {
    const row = (isRegistered: boolean) =>
      TYPES.map((type) => (admits(situationOf(type, isRegistered), command(name)) ? 'y' : '-')).join('')
    expect(row(false)).toBe(unregistered)
    expect(row(true)).toBe(registered)
  })

  test.each([
    ['REPORT LUNS', true],
    ['REQUEST SENSE', true],
    ['TEST UNIT READY', false],
    ['MODE SENSE(6)', false],
    ['READ(6)', false],
    ['RECEIVE COPY RESULTS', false],
  ])('%s under RESERVE of another: %s', (name, expected) => expect(admits('reserved', command(name))).toBe(expected))
})

test('the probes are CDBs of the length that their operation codes have, each name once', () => {
  const lengths = PROBES.map(({ cdb }) => cdb.split(' ').length)
  const wanted = PROBES.map(({ cdb }) => [6, 10, 10, 0, 16, 12][parseInt(cdb, 16) >> 5])
  expect(lengths).toEqual(wanted)
  expect(new Set(PROBES.map(({ name }) => name)).size).toBe(PROBES.length)
})

test('the script of the probes is one that a shell can read', () => {
  expect(spawnSync('sh', ['-n'], { input: probeScript(PROBES), encoding: 'utf8' }).stderr).toBe('')
})

describe('the cells that differ', () => {
  const probes = [command('INQUIRY'), command('READ(10)'), command('WRITE(10)')]
  const onlyInquiry = ({ name }: { readonly name: string }) => name === 'INQUIRY'

  test('none', () => expect(differences(probes, '0 0\n1 24\n2 24\n', onlyInquiry)).toEqual([]))

  test('another status, and none at all', () => {
    expect(differences(probes, '0 24\n1 0\n', onlyInquiry)).toEqual([
      'INQUIRY should end with 0 and ends with 24',
      'READ(10) should end with 24 and ends with 0',
      'WRITE(10) should end with 24 and has not run',
    ])
  })
})
