import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { distance, inWindow, lessThan, next } from '../../../protocol/iscsi/serial.ts'

const sn = fc.nat(0xffffffff)

describe('serial arithmetic (RFC 1982, SERIAL_BITS 32)', () => {
  test('next wraps to 0', () => {
    expect([0, 1, 0x7fffffff, 0xffffffff].map(next)).toEqual([1, 2, 0x80000000, 0])
  })

  test.each([
    [0, 1, true],
    [1, 0, false],
    [5, 5, false],
    [0xffffffff, 0, true],
    [0, 0xffffffff, false],
    [0, 0x7fffffff, true],
    [0, 0x80000000, false],
    [0x80000000, 0, false],
    [0xfffffff0, 0x10, true],
    [0x10, 0xfffffff0, false],
  ])('%i less than %i: %s', (a, b, expected) => expect(lessThan(a, b)).toBe(expected))

  test('a number is less than those that 1 to 2^31 - 1 steps lead to, and than no other', () => {
    fc.assert(
      fc.property(sn, sn, (a, steps) => {
        const b = (a + steps) % 2 ** 32
        expect(lessThan(a, b)).toBe(steps > 0 && steps < 2 ** 31)
        expect(distance(a, b)).toBe(steps)
      }),
    )
  })

  test('never both less and greater', () => {
    fc.assert(fc.property(sn, sn, (a, b) => !(lessThan(a, b) && lessThan(b, a))))
  })
})

describe('the command window (RFC 7143 4.2.2.1)', () => {
  test.each([
    ['the expected one', 10, 10, 10, true],
    ['the last one', 73, 10, 73, true],
    ['one before', 9, 10, 73, false],
    ['one behind', 74, 10, 73, false],
    ['across the wrap', 2, 0xfffffffe, 5, true],
    ['behind the wrap', 6, 0xfffffffe, 5, false],
    ['closed: MaxCmdSN is ExpCmdSN - 1', 10, 10, 9, false],
    ['closed: and nothing else is in it', 9, 10, 9, false],
    ['MaxCmdSN before ExpCmdSN - 1', 10, 10, 8, false],
    ['closed at 0', 0, 0, 0xffffffff, false],
  ])('%s', (_, number, expected, max, inside) => expect(inWindow(number, expected, max)).toBe(inside))

  test('a window of n holds exactly the n numbers from the expected one on', () => {
    fc.assert(
      fc.property(sn, fc.nat(2 ** 31), sn, (expected, size, steps) => {
        const max = (expected + size + 2 ** 32 - 1) % 2 ** 32
        expect(inWindow((expected + steps) % 2 ** 32, expected, max)).toBe(steps < size)
      }),
    )
  })
})
