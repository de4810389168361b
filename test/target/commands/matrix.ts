// The public suite's matrix, as far as the families of a command share it: their CDB sizes, LBAs that exist and that do
// not, and the bits that a LUN without protection information or DPOFUA refuses.

import { expect } from 'vitest'
import {
  decodeCommandSupport,
  type Layout,
  operationCode,
  REPORT_SUPPORTED_OPERATION_CODES,
  REPORTING_OPTIONS,
  SENSE,
  STATUS,
} from '../../../protocol/index.ts'
import type { CommandResult } from '../../../src/host/index.ts'
import { type Disk, expectCdbField, expectGood } from '../disk.ts'

/** A CDB with an LBA and a number of blocks. */
export interface Ranged {
  readonly name: string
  readonly cdb: Layout
  /** Bits of its LBA, and the largest number of blocks it can name. */
  readonly lbaBits: number
  readonly maxBlocks: number
}

export const ranged = (...cdbs: Layout[]): Ranged[] =>
  cdbs.map((cdb) => {
    const { bits } = cdb.find('blocks') as { bits: number }
    return { name: cdb.name, cdb, lbaBits: (cdb.find('lba') as { bits: number }).bits, maxBlocks: 2 ** bits - 1 }
  })

/** Fields of a CDB whose LBA may have any width. */
export function at({ lbaBits }: Ranged, lba: number | bigint, blocks: number): Record<string, never> {
  return { lba: lbaBits === 64 ? BigInt(lba) : Number(lba), blocks } as Record<string, unknown> as Record<string, never>
}

/** LBAs far outside any LUN of a test: half of what the CDB can say, and all of it. */
export const farLbas = ({ lbaBits }: Ranged): bigint[] => [1n << BigInt(lbaBits - 1), (1n << BigInt(lbaBits)) - 1n]

/** 05/21/00; INFORMATION is not asked for, and an LBA outside the medium when it is there. */
export function expectOutOfRange(result: CommandResult, capacity: number): void {
  expect(result.status).toBe(STATUS.CHECK_CONDITION)
  expect(result.sense?.sense).toEqual(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE)
  if (result.sense?.information !== undefined) expect(result.sense.information).toBeGreaterThanOrEqual(BigInt(capacity))
  expect(result.data.length).toBe(0)
}

type Run = (fields: Record<string, unknown>) => Promise<CommandResult>

/** RDPROTECT, WRPROTECT and VRPROTECT 1 to 7 on a LUN without protection information: 05/24/00, byte 1 bit 7. */
export async function expectProtectRefused(cdb: Layout, name: string, run: Run): Promise<void> {
  for (let value = 1; value <= 7; value++) expectCdbField(await run({ [name]: value }), cdb, name)
}

/** DPO and FUA, alone and together, on a LUN that has them: GOOD; RSOC shows the bits. */
export async function expectDpoFuaTaken(disk: Disk, cdb: Layout, run: Run): Promise<void> {
  for (const bits of dpoFuaOf(cdb)) expectGood(await run(bits))
  expect((await usage(disk, cdb))[1]! & mask(cdb)).toBe(mask(cdb))
}

/** On one without DPOFUA: 05/24/00 with a pointer to the bit; RSOC shows none of them. */
export async function expectDpoFuaRefused(disk: Disk, cdb: Layout, run: Run): Promise<void> {
  for (const bits of dpoFuaOf(cdb)) expectCdbField(await run(bits), cdb, 'dpo' in bits ? 'dpo' : 'fua')
  expect((await usage(disk, cdb))[1]! & mask(cdb)).toBe(0)
}

function dpoFuaOf(cdb: Layout): Record<string, boolean>[] {
  const one: Record<string, boolean>[] = []
  if (cdb.find('dpo')) one.push({ dpo: true })
  if (cdb.find('fua')) one.push({ fua: true }, { dpo: true, fua: true })
  return one
}

const mask = (cdb: Layout): number => (cdb.find('dpo') ? 0x10 : 0) | (cdb.find('fua') ? 0x08 : 0)

/** CDB usage data (SPC-4 6.35.3). */
async function usage(disk: Disk, cdb: Layout): Promise<Buffer> {
  const fields = { reportingOptions: REPORTING_OPTIONS.ONE_COMMAND, requestedOperationCode: operationCode(cdb) }
  const result = await disk.run(
    REPORT_SUPPORTED_OPERATION_CODES,
    { ...fields, allocationLength: 64 },
    { dataInLength: 64 },
  )
  return decodeCommandSupport(expectGood(result).data).usage
}
