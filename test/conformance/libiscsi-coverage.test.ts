import { expect, test } from 'vitest'
import type { Judged } from '../../conformance/expectations.ts'
import { sideBySideLines } from '../../conformance/side-by-side.ts'
import type { Outcome } from '../../conformance/suite.ts'
import { coverageLines, coverageOf } from '../../conformance/suites/libiscsi-coverage.ts'

const result = (kind: string, name: string, outcome: Outcome, verdict: Judged['verdict'] = 'passed'): Judged => ({
  ...{ suite: 'libiscsi', kind, group: name.split('.')[0]!, test: name, outcome, detail: '', durationMs: 1, verdict },
})

const RESULTS = [
  result('thin512', 'Read10.Simple', 'pass'),
  result('thick512', 'Read10.Simple', 'fail', 'failed'),
  result('thin512', 'Unmap.Simple', 'skip', 'failed'),
  result('thin512', 'iSCSITMF.LUNResetSimpleAsync', 'fail', 'skipped'),
  result('thin512', 'all in one run', 'pass'),
  result('-', 'array', 'pass'),
]
const KNOWN = ['Read10.Simple', 'Unmap.Simple', 'iSCSITMF.LUNResetSimpleAsync', 'NoMedia.NoMediaSBC']

test('a test counts once it has passed un-skipped on one LUN; of the others it is told what they did', () => {
  expect(coverageLines(coverageOf(KNOWN, RESULTS))).toEqual([
    'libiscsi: 1 of 4 tests passed un-skipped on at least one LUN',
    '    not Unmap.Simple (thin512: skip)',
    '    not iSCSITMF.LUNResetSimpleAsync (thin512: known fail)',
    '    not NoMedia.NoMediaSBC (did not run)',
  ])
})

test('a long list is cut, and says so', () => {
  const known = Array.from({ length: 100 }, (_, i) => `Suite.Test${i}`)
  const lines = coverageLines(coverageOf(known, []))
  expect(lines.length).toBeLessThan(70)
  expect(lines.at(-1)).toMatch(/^ +nor \d+ more$/)
})

test('side by side: tests, and passes of both, a line for each LUN and one for their union', () => {
  const theirs = [result('thin512', 'Read10.Simple', 'skip'), result('thick512', 'Read10.Simple', 'pass')]
  expect(sideBySideLines('libiscsi', RESULTS, theirs).map((line) => line.trim().split(/ {2,}/))).toEqual([
    ['libiscsi, passed un-skipped', 'tests', 'Lunette', 'tgt'],
    ['thick512', '1', '0', '1'],
    ['thin512', '3', '1', '0'],
    ['on at least one of them', '3', '1', '1'],
  ])
})
