// The matrix of LUN kinds, against the names of all the tests of iscsi-test-cu 1.19.0.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LUN_KINDS } from '../../conformance/kinds.ts'

const TESTS = readFileSync(join(import.meta.dirname, 'fixtures', 'tests-1.19.0.txt'), 'latin1')
  .trim()
  .split('\n')
const on = (name: string) => TESTS.filter((each) => LUN_KINDS.find((kind) => kind.name === name)!.runs(each))
const inSuites = (tests: readonly string[], suites: RegExp) => tests.filter((each) => suites.test(each))

test('each of the 230 tests can run on a LUN', () => {
  expect(TESTS).toHaveLength(230)
  expect(TESTS.filter((each) => !LUN_KINDS.some((kind) => kind.runs(each)))).toEqual([])
})

test('the thin LUN runs 192 of the 215 SCSI tests and all 15 of iSCSI', () => {
  expect(inSuites(on('thin512'), /^(?!iSCSI)/)).toHaveLength(192)
  expect(inSuites(on('thin512'), /^iSCSI/)).toHaveLength(15)
  expect(on('thin4Kn')).toEqual(on('thin512'))
})

test('what the thin LUN leaves out runs elsewhere: 6 on a 512e disk, 12 on a removable one, 1 on a read-only one, 4 on two paths', () => {
  const left = TESTS.filter((each) => !on('thin512').includes(each))
  const runOn = (name: string) => left.filter((each) => on(name).includes(each))
  expect(left).toHaveLength(6 + 12 + 1 + 4)
  expect(runOn('thin512e')).toHaveLength(6)
  expect(runOn('removable')).toHaveLength(12)
  expect(runOn('readOnly')).toEqual(['ReadOnly.ReadOnlySBC'])
  expect(runOn('twoPaths')).toHaveLength(4)
})

test('the test whose second loop is wrong for more than one block per physical block stays away from 512e', () => {
  expect(on('thin512e')).not.toContain('GetLBAStatus.UnmapSingle')
})

test('nothing that writes runs on the read-only LUN but what must be refused', () => {
  expect(inSuites(on('readOnly'), /^(Write|Unmap|OrWrite|CompareAndWrite|Sanitize|ExtendedCopy)/)).toEqual([])
})

test('the thick LUN runs nothing that wants LBPME', () => {
  expect(
    inSuites(on('thick512'), /^Unmap\.|\.Unmap$|UnmapSingle|^Sanitize\.(BlockErase|Readonly|Reservations)$/),
  ).toEqual([])
})

test('names are those of targets, once each', () => {
  const names = LUN_KINDS.map(({ name }) => name)
  expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length)
})
