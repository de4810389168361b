// The verdict on one test of iscsi-test-cu 1.19. The fixtures are outputs of runs against tgtd, unchanged.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readTestList, readVerdict as verdictOf } from '../../conformance/suites/libiscsi-output.ts'

const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures', `${name}.txt`), 'latin1')

const readVerdict = (output: string, status: number | null) => verdictOf(undefined, output, status)

describe('the verdict on one test', () => {
  test('pass: status 0, nothing failed, and the test has said something', () => {
    expect(readVerdict(fixture('pass'), 0)).toEqual({ outcome: 'pass', detail: '' })
  })

  test('pass: what the clean-up after the test meets is not the test', () => {
    expect(readVerdict(fixture('pass-after-reset'), 0).outcome).toBe('pass')
    expect(fixture('pass-after-reset')).toContain('[FAILED] PRIN command')
    const withoutReservations = fixture('pass').replace(
      'Send PRIN/READ_KEYS\n',
      'Send PRIN/READ_KEYS\n    [SKIPPED] PERSISTENT RESERVE IN is not implemented.\n',
    )
    expect(readVerdict(withoutReservations, 0).outcome).toBe('pass')
  })

  test('fail: the failed assertions and the tool says why', () => {
    const { outcome, detail } = readVerdict(fixture('fail'), 1)
    expect(outcome).toBe('fail')
    expect(detail).toContain('[FAILED] GET_LBA_STATUS successful but should have failed')
    expect(detail).toContain('test_get_lba_status_beyond_eol.c:38')
  })

  test('fail: assertions without a message', () => {
    const { outcome, detail } = readVerdict(fixture('fail-without-message'), 1)
    expect(outcome).toBe('fail')
    expect(detail.match(/test_iscsi_datasn_invalid/g)).toHaveLength(4)
  })

  test('fail: a status other than 0 with a summary that counts no failure', () => {
    expect(readVerdict(fixture('pass'), 10).outcome).toBe('fail')
  })

  test('fail: a summary that counts a failure with status 0', () => {
    expect(readVerdict(fixture('fail'), 0).outcome).toBe('fail')
  })

  test('skip: printed', () => {
    expect(readVerdict(fixture('skip-printed'), 0)).toEqual({
      outcome: 'skip',
      detail: 'COMPAREANDWRITE is not implemented.',
    })
  })

  test('skip: printed with -V alone', () => {
    expect(readVerdict(fixture('skip-printed-with-V'), 0)).toEqual({
      outcome: 'skip',
      detail: 'LUN is not removable. Skipping test.',
    })
  })

  test('skip: never printed, the test sends nothing (a LUN too big for READ(6))', () => {
    expect(fixture('skip-silent')).not.toContain('SKIPPED')
    expect(readVerdict(fixture('skip-silent'), 0)).toMatchObject({
      outcome: 'skip',
      detail: expect.stringMatching('silent'),
    })
  })

  test('skip: never printed, the test does not come to the command that it is named after', () => {
    expect(verdictOf('ReadCapacity16.PI', fixture('pass'), 0).outcome).toBe('pass')
    expect(verdictOf('MultipathIO.CompareAndWrite', fixture('pass'), 0)).toEqual({
      outcome: 'skip',
      detail: 'a silent skip: the test printed nothing like /Send COMPAREANDWRITE/',
    })
    expect(verdictOf('WriteSame16.Simple', fixture('pass'), 0).detail).toContain('/Send WRITESAME16/')
    expect(verdictOf('Write10.Async', fixture('pass'), 0).outcome).toBe('pass')
  })

  test('fail: no test of that name, which the tool calls a success', () => {
    expect(readVerdict(fixture('no-such-test'), 0)).toMatchObject({
      outcome: 'fail',
      detail: expect.stringMatching('no test of that name'),
    })
  })

  test.each([
    ['no login', fixture('no-login'), 255, 'Failed to connect to SCSI device 0'],
    ['nothing printed', '', 1, 'status 1'],
    ['ended by a signal in the middle', fixture('pass').slice(0, 1200), null, 'no summary'],
  ])('fail: %s', (_, output, status, says) => {
    const { outcome, detail } = readVerdict(output, status)
    expect(outcome).toBe('fail')
    expect(detail).toContain(says)
  })
})

test('the list names each test once, whatever families it is in', () => {
  expect(readTestList(fixture('list'))).toEqual([
    'ReadCapacity10.Simple',
    'ReadCapacity16.Simple',
    'ReadCapacity16.Alloclen',
    'ReadCapacity16.PI',
    'ReadCapacity16.Support',
  ])
})
