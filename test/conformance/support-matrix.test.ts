// The README's support matrix is what the command table says, and no other target knows a command that is missing here.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { PEERS } from '../../conformance/peers.ts'
import { codeOf, MATRIX_END, MATRIX_START, supportMatrix, withMatrix } from '../../conformance/support-matrix.ts'
import { CommandTable } from '../../src/target/command-table.ts'
import { COMMANDS } from '../../src/target/commands/index.ts'

const { rows } = new CommandTable(COMMANDS)
const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

describe('the support matrix', () => {
  test('the README has the one of the command table (npm run docs writes it)', () => {
    expect(withMatrix(README, rows)).toBe(README)
  })

  test('one line a command, in the order of the codes', () => {
    const codes = supportMatrix(rows)
      .split('\n')
      .slice(3)
      .map((line) => line.split('|')[1]!.trim().toLowerCase())
    expect(codes).toEqual(rows.map(codeOf).sort())
    expect(new Set(codes).size).toBe(codes.length)
  })

  test.each(PEERS)('every command that $name answers is answered here', ({ commands }) => {
    const ours = new Set(rows.map(codeOf))
    expect([...commands].filter((code) => !ours.has(code))).toEqual([])
  })

  test('a README without its place is an error', () => {
    expect(() => withMatrix(`${MATRIX_END} ${MATRIX_START}`, rows)).toThrow(/no place/)
  })
})
