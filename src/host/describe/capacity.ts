// READ CAPACITY(16) and (10) parameter data (SBC-4 5.20, 5.21), as sg_readcap names their fields.

import type { Capacity16 } from '../../../protocol/scsi/capacity.ts'
import { type Field, fieldsOf, type Row, type Section } from './section.ts'

const ROWS: readonly Row<Capacity16>[] = [
  ['rcBasis', 'rc_basis'],
  ['protEn', 'prot_en'],
  ['pType', 'p_type'],
  ['piExponent', 'p_i_exponent'],
  ['lbpme', 'lbpme'],
  ['lbprz', 'lbprz'],
  ['lastLba', 'Last LBA'],
]

/** What only READ CAPACITY(10) told: the rest is absent. */
export type Capacity = Pick<Capacity16, 'lastLba' | 'blockLength'> & Partial<Capacity16>

export function describeCapacity(capacity: Capacity): Section {
  const { lastLba, blockLength, lbppbe, lowestAlignedLba } = capacity
  const bytes = (lastLba + 1n) * BigInt(blockLength)
  const whole: Field[] =
    lbppbe === undefined ? [{ name: 'Last LBA', value: lastLba }] : fieldsOf(capacity as Capacity16, ROWS)
  return {
    fields: [
      ...whole,
      { name: 'Number of logical blocks', value: lastLba + 1n },
      { name: 'Logical block length', value: blockLength, unit: 'bytes' },
      ...(lbppbe === undefined
        ? []
        : [
            {
              name: 'Logical blocks per physical block exponent',
              value: lbppbe,
              meaning: `physical blocks of ${blockLength * 2 ** lbppbe} bytes`,
            },
            { name: 'Lowest aligned LBA', value: lowestAlignedLba ?? 0 },
          ]),
      { name: 'Device size', value: bytes, unit: 'bytes', meaning: inBinaryUnits(bytes) },
    ],
  }
}

const UNITS = ['TiB', 'GiB', 'MiB', 'KiB'] as const

/** In the largest unit that leaves a whole part, to two places. */
function inBinaryUnits(bytes: bigint): string {
  for (const [index, unit] of UNITS.entries()) {
    const size = 1024 ** (UNITS.length - index)
    if (bytes >= BigInt(size)) return `${Math.floor((Number(bytes) * 100) / size) / 100} ${unit}`
  }
  return `${bytes} bytes`
}
