import { expect, test } from 'vitest'
import { findLoginStatus, LOGIN_STATUS } from '../../../protocol/iscsi/login-status.ts'

test('Status-Class and Status-Detail (RFC 7143 11.13.5)', () => {
  const codes = Object.values(LOGIN_STATUS).map(({ statusClass, statusDetail }) => 256 * statusClass + statusDetail)
  expect(codes).toEqual([
    0x0000, 0x0101, 0x0102, 0x0200, 0x0201, 0x0202, 0x0203, 0x0204, 0x0205, 0x0206, 0x0207, 0x0208, 0x0209, 0x020a,
    0x020b, 0x0300, 0x0301, 0x0302,
  ])
  expect(LOGIN_STATUS.NOT_FOUND).toEqual({ statusClass: 2, statusDetail: 3, text: 'target not found' })
  expect(findLoginStatus(2, 7)).toBe(LOGIN_STATUS.MISSING_PARAMETER)
  expect(findLoginStatus(2, 0x0c)).toBeUndefined()
  expect(findLoginStatus(4, 0)).toBeUndefined()
})
