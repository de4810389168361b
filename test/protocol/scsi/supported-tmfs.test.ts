import { describe, expect, test } from 'vitest'
import { decodeSupportedTmfs, encodeSupportedTmfs } from '../../../protocol/scsi/supported-tmfs.ts'
import { bothWays, hex, onlyWireErrors } from './support.ts'

const NONE = {
  abortTask: false,
  abortTaskSet: false,
  clearAca: false,
  clearTaskSet: false,
  logicalUnitReset: false,
  queryTask: false,
  queryAsynchronousEvent: false,
  queryTaskSet: false,
  iTNexusReset: false,
  tmftmov: false,
  abortTaskTimeout: false,
  abortTaskSetTimeout: false,
  clearAcaTimeout: false,
  clearTaskSetTimeout: false,
  logicalUnitResetTimeout: false,
  queryTaskTimeout: false,
  queryAsynchronousEventTimeout: false,
  queryTaskSetTimeout: false,
  iTNexusResetTimeout: false,
  longTimeout: 0,
  shortTimeout: 0,
}

describe('REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS parameter data (SPC-4 6.36)', () => {
  const extended = {
    encode: (values: typeof NONE) => encodeSupportedTmfs(values, true),
    decode: decodeSupportedTmfs,
  }

  test('basic form: four bytes', () => {
    const basic = { ...extended, encode: (values: typeof NONE) => encodeSupportedTmfs(values, false) }
    bothWays(basic, hex('c8 01 00 00'), {
      ...NONE,
      abortTask: true,
      abortTaskSet: true,
      logicalUnitReset: true,
      iTNexusReset: true,
    })
    bothWays(basic, hex('34 06 00 00'), {
      ...NONE,
      clearAca: true,
      clearTaskSet: true,
      queryTask: true,
      queryAsynchronousEvent: true,
      queryTaskSet: true,
    })
  })

  test('extended form: sixteen bytes with timeouts', () => {
    bothWays(extended, hex('80 01 00 0c 01 00 80 01 0000000a 00000001'), {
      ...NONE,
      abortTask: true,
      iTNexusReset: true,
      tmftmov: true,
      abortTaskTimeout: true,
      iTNexusResetTimeout: true,
      longTimeout: 10,
      shortTimeout: 1,
    })
  })

  test('bytes after the ADDITIONAL LENGTH mean nothing; only WireErrors', () => {
    expect(decodeSupportedTmfs(hex('80 00 00 00 01 00 80 01 0000000a 00000001'))).toEqual({ ...NONE, abortTask: true })
    onlyWireErrors(decodeSupportedTmfs, hex('80 01 00 0c 01 00 80 01 0000000a 00000001'))
  })
})
