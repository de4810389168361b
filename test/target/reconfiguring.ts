// A running array as a test changes it, and what its initiators hear of that.

import { expect } from 'vitest'
import { decodeReportLuns, REPORT_LUNS, type Sense, STATUS, TEST_UNIT_READY } from '../../protocol/index.ts'
import { type ArrayInput, type Changes, OperatorError } from '../../src/index.ts'
import type { LunInput, TestArray } from './array.ts'
import { Disk, expectGood } from './disk.ts'

export type TargetInput = NonNullable<NonNullable<ArrayInput['targets']>[number]>

/** The whole configuration: the first target with these LUNs, and others. */
export const configured = (
  array: TestArray,
  luns: LunInput[],
  target: TargetInput = {},
  ...others: TargetInput[]
): ArrayInput => ({ data: array.data, portals: ['127.0.0.1:0'], targets: [{ ...target, luns }, ...others] })

type Configured = [luns: LunInput[], target?: TargetInput, ...others: TargetInput[]]

export const change = (array: TestArray, ...to: Configured): Promise<Changes> =>
  array.running.reconfigure(configured(array, ...to))

/** The lines that a configuration is refused with, `D` for the data directory. */
export async function refusal(array: TestArray, input: ArrayInput): Promise<string[]> {
  const error = await array.running.reconfigure(input).then(
    () => new Error('accepted'),
    (reason: Error) => reason,
  )
  expect(error).toBeInstanceOf(OperatorError)
  return error.message.replaceAll(array.data, 'D').split('\n')
}

/** The unit attention conditions that are pending, oldest first. */
export async function news(disk: Disk): Promise<Sense[]> {
  const found: Sense[] = []
  for (;;) {
    const { status, sense } = await disk.run(TEST_UNIT_READY, {})
    if (status === STATUS.GOOD) return found
    if (!sense || found.length > 10) throw new Error(`status ${status} after ${found.length} unit attentions`)
    found.push(sense.sense)
  }
}

/** What REPORT LUNS tells through any LUN. */
export async function reported(disk: Disk): Promise<number[]> {
  const { data } = expectGood(await disk.run(REPORT_LUNS, { allocationLength: 1024 }, { dataInLength: 1024 }))
  return decodeReportLuns(data).luns
}

/** Another LUN of the same session. */
export const sees = (disk: Disk, lun: number): Disk => new Disk(disk.session, lun)

/** One session with the unit attentions of all these LUNs taken. */
export async function quiet(
  array: TestArray,
  luns: number[],
  ...options: Parameters<TestArray['connect']>
): Promise<Disk> {
  const session = await array.connect(...options)
  for (const lun of luns) await news(new Disk(session, lun))
  return new Disk(session, luns[0])
}
