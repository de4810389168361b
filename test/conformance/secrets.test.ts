import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { tells } from '../../conformance/secrets.ts'

const SECRET = 'the "secret" of A'
const BYTES = Buffer.from(SECRET)

describe('a log tells a secret', () => {
  test.each([
    ['as it is', `user alice, secret ${SECRET}`],
    ['in a line of JSON', JSON.stringify({ msg: 'login', secret: SECRET })],
    ['in hex', `CHAP_R=0x${BYTES.toString('hex')}`],
    ['in capital hex', BYTES.toString('hex').toUpperCase()],
    ['in base64', `0b${BYTES.toString('base64')}`],
    ['in the base64 of addresses', BYTES.toString('base64url')],
    ['as a Buffer is inspected', inspect(BYTES)],
    ['as a Buffer is serialized', JSON.stringify({ secret: BYTES })],
  ])('%s', (_, text) => expect(tells(text, SECRET)).toBe(true))
})

test.each(['', 'the secret of B', `the "secret" of a`, JSON.stringify({ secret: '********' })])(
  'another text does not: %j',
  (text) => expect(tells(text, SECRET)).toBe(false),
)
