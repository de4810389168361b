// REPORT LUNS parameter data (SPC-4 6.33).

import { WireError } from '../wire/error.ts'
import { reserved, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { decodeLun, encodeLun, LUN_SIZE } from './lun.ts'

const HEADER = layout('REPORT LUNS parameter data', 'SPC-4 6.33', 8, [u32('lunListLength'), reserved(32)])

export function encodeReportLuns(luns: readonly number[]): Buffer {
  const data = Buffer.alloc(HEADER.size + LUN_SIZE * luns.length)
  HEADER.encode({ lunListLength: LUN_SIZE * luns.length }, data)
  luns.forEach((lun, index) => {
    encodeLun(lun, data, HEADER.size + LUN_SIZE * index)
  })
  return data
}

/**
 * `total` is how many there are, `luns` those of them that arrived and have a number: the allocation length may have cut the
 * list, and a target may have LUNs of several levels. Throws a WireError when the header is cut or counts parts of a LUN.
 */
export function decodeReportLuns(source: Buffer): { total: number; luns: number[] } {
  const { lunListLength } = HEADER.decode(source)
  if (lunListLength % LUN_SIZE !== 0)
    throw new WireError(HEADER.name, 'lunListLength', 0, 'bad length', `${lunListLength}`)
  const luns: number[] = []
  const end = Math.min(source.length, HEADER.size + lunListLength)
  for (let at = HEADER.size; at + LUN_SIZE <= end; at += LUN_SIZE) {
    const lun = decodeLun(source, at)
    if (lun !== undefined) luns.push(lun)
  }
  return { total: lunListLength / LUN_SIZE, luns }
}
