// CHAP (RFC 1994, RFC 7143 12.1.3, 9.2.1), both sides step by step. The responses were computed apart from this code, with
// Python's hashlib over identifier, secret and challenge.

import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  CHAP_ALGORITHM_NAMES,
  CHAP_ALGORITHMS,
  type ChapAlgorithm,
  ChapAuthenticator,
  type ChapCrypto,
  ChapError,
  ChapPeer,
  type ChapTerms,
  decodeBinaryValue,
} from '../../../protocol/index.ts'

const HASH = { MD5: 'md5', 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA3-256': 'sha3-256' } as const

/** Random numbers that are none: the identifier, then the challenge. */
function cryptoWith(identifier: number, challenge: Buffer): ChapCrypto {
  return {
    hash: (algorithm, parts) => createHash(HASH[algorithm]).update(Buffer.concat(parts)).digest(),
    random: (length) => (length === 1 ? Buffer.of(identifier) : challenge),
    equal: (a, b) => a.equals(b),
  }
}

const OURS = Buffer.from(Array.from({ length: 16 }, (_, i) => i))
const THEIRS = Buffer.from(Array.from({ length: 20 }, (_, i) => 0xff - i))
const TARGET_CRYPTO = cryptoWith(0x5a, OURS)
const HOST_CRYPTO = cryptoWith(7, THEIRS)

const chap = { user: 'alice', secret: Buffer.from('correct horse battery') }
const mutual = { user: 'array', secret: Buffer.from('another secret 12') }
const ONE_WAY: ChapTerms = { chap, algorithms: CHAP_ALGORITHM_NAMES }
const MUTUAL: ChapTerms = { ...ONE_WAY, mutual }

/** To the target's challenge with alice's secret, and to the initiator's with the array's. */
const VECTORS: [ChapAlgorithm, number, response: string, mutual: string][] = [
  ['MD5', 5, '40db8fff8d6ff265bec7bea4f714c9c7', '5056671748bc5f7591e561f80b31c73f'],
  ['SHA-1', 6, '19b2e59fcbe13571a3fa82b84f416969af8bd157', '195054e397f6e84b47752def3233820114de5c7d'],
  [
    'SHA-256',
    7,
    'f72e2cc84944f1d525b3c66ba4c170ac04ee1197e3db07208dc834ca1fa01568',
    'd13d86aec16282fdd4e4b0c88ad5ee43de127b1c16ea27d05f187214754a7f0c',
  ],
  [
    'SHA3-256',
    8,
    '6b3fa888998c84da2474a57ba6df23d4d9bbfca95e5883cddcf5c747fd192b6b',
    'e0b09b94e53af7d2042f8f1efd5efd9760bca103bbf611f2fc492ec66d452dc2',
  ],
]
const MD5_RESPONSE = `0x${VECTORS[0]![2]}`

const keys = (values: Readonly<Record<string, string>>) => new Map(Object.entries(values))
const said = (pairs: readonly { key: string; value: string }[]) =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, value]))
const base64 = (hex: string) => `0b${Buffer.from(hex.replace(/^0x/, ''), 'hex').toString('base64')}`

const target = (terms = ONE_WAY) => new ChapAuthenticator(terms, TARGET_CRYPTO)
/** A target that has sent its challenge. */
function asking(terms = ONE_WAY, algorithm = 5): ChapAuthenticator {
  const side = target(terms)
  side.step(keys({ CHAP_A: String(algorithm) }))
  return side
}

test.each([...VECTORS.map(([name, number]) => [name, number] as const)])('%s is algorithm %i', (name, number) => {
  expect(CHAP_ALGORITHMS[name].number).toBe(number)
  expect(createHash(HASH[name]).digest().length).toBe(CHAP_ALGORITHMS[name].digestLength)
})

describe('the target (RFC 7143 12.1.3)', () => {
  test.each(VECTORS)('%s: the right response, in hexadecimal and in base64', (_, number, response) => {
    for (const value of [`0x${response}`, `0X${response.toUpperCase()}`, base64(response)]) {
      const side = target()
      expect(said(side.step(keys({ CHAP_A: String(number) })))).toEqual({
        CHAP_A: String(number),
        CHAP_I: '90',
        CHAP_C: '0x000102030405060708090a0b0c0d0e0f',
      })
      expect(side.done).toBe(false)
      expect(side.step(keys({ CHAP_N: 'alice', CHAP_R: value }))).toEqual([])
      expect(side.done).toBe(true)
    }
  })

  test.each(VECTORS)('%s, mutual: it answers the initiator’s challenge', (_, number, response, answer) => {
    for (const challenge of [`0x${THEIRS.toString('hex')}`, base64(THEIRS.toString('hex'))]) {
      const side = asking(MUTUAL, number)
      const given = keys({ CHAP_N: 'alice', CHAP_R: `0x${response}`, CHAP_I: '0x7', CHAP_C: challenge })
      expect(said(side.step(given))).toEqual({ CHAP_N: 'array', CHAP_R: `0x${answer}` })
      expect(side.done).toBe(true)
    }
  })

  test('the first of the initiator’s algorithms that it has', () => {
    const chosen = (offer: string, algorithms = CHAP_ALGORITHM_NAMES) =>
      said(target({ chap, algorithms }).step(keys({ CHAP_A: offer }))).CHAP_A
    expect(chosen('5,7')).toBe('5')
    expect(chosen('7,5')).toBe('7')
    expect(chosen('99,x,,8')).toBe('8')
    expect(chosen('5,6,7,8', ['SHA-256'])).toBe('7')
  })

  test.each(CHAP_ALGORITHM_NAMES)('%s: the challenge is random, and as long as the response', (algorithm) => {
    const lengths: number[] = []
    const random = (length: number) => {
      lengths.push(length)
      return Buffer.alloc(length, 1)
    }
    const side = new ChapAuthenticator(ONE_WAY, { ...TARGET_CRYPTO, random })
    const { number, digestLength } = CHAP_ALGORITHMS[algorithm]
    const { CHAP_C = '' } = said(side.step(keys({ CHAP_A: String(number) })))
    expect(lengths).toEqual([1, digestLength])
    expect(decodeBinaryValue(CHAP_C, 1024)).toHaveLength(digestLength)
  })

  test.each([
    ['nothing', {}, 'CHAP_A is missing'],
    ['no common algorithm', { CHAP_A: '99' }, 'none of the algorithms'],
    ['an empty list', { CHAP_A: '' }, 'none of the algorithms'],
    ['a list with spaces', { CHAP_A: ' 5' }, 'none of the algorithms'],
    ['the response before the challenge', { CHAP_N: 'alice', CHAP_R: MD5_RESPONSE }, 'CHAP_A is missing'],
    ['the response with the algorithms', { CHAP_A: '5', CHAP_R: MD5_RESPONSE }, 'CHAP_R is out of place'],
    ['a challenge with the algorithms', { CHAP_A: '5', CHAP_I: '1', CHAP_C: '0x00' }, 'CHAP_I is out of place'],
  ])('first, %s', (_, values, message) => {
    const side = target()
    expect(() => side.step(keys(values))).toThrow(ChapError)
    expect(() => target().step(keys(values))).toThrow(message)
    expect(side.done).toBe(false)
  })

  const right = { CHAP_N: 'alice', CHAP_R: MD5_RESPONSE }
  const asked = { ...right, CHAP_I: '7', CHAP_C: `0x${THEIRS.toString('hex')}` }
  test.each<[string, Record<string, string>, string, ChapTerms?]>([
    ['nothing', {}, 'CHAP_N is missing'],
    ['no name', { CHAP_R: MD5_RESPONSE }, 'CHAP_N is missing'],
    ['no response', { CHAP_N: 'alice' }, 'CHAP_R is missing'],
    ['a wrong name', { ...right, CHAP_N: 'bob' }, 'CHAP_N is not "alice"'],
    ['the name in capitals', { ...right, CHAP_N: 'Alice' }, 'CHAP_N is not "alice"'],
    ['the name of the target', { ...right, CHAP_N: 'array' }, 'CHAP_N is not "alice"', MUTUAL],
    ['a wrong response', { ...right, CHAP_R: `0x${'00'.repeat(16)}` }, 'wrong response for user "alice"'],
    ['a response one byte short', { ...right, CHAP_R: MD5_RESPONSE.slice(0, -2) }, 'no binary value of 16 bytes'],
    ['a response one byte long', { ...right, CHAP_R: `${MD5_RESPONSE}00` }, 'no binary value of 16 bytes'],
    ['an empty response', { ...right, CHAP_R: '0x' }, 'no binary value of 16 bytes'],
    ['a response that is none', { ...right, CHAP_R: 'hello' }, 'no binary value of 16 bytes'],
    ['1 MiB of base64 for a response', { ...right, CHAP_R: `0b${'A'.repeat(2 ** 20)}` }, 'no binary value of 16 bytes'],
    ['the algorithms again', { CHAP_A: '5' }, 'CHAP_N is missing'],
    ['the algorithms again, with the response', { ...right, CHAP_A: '5' }, 'CHAP_A is out of place'],
    ['mutual authentication where there is none', asked, 'there is no secret for it'],
    ['one-way authentication where mutual is required', right, 'mutual authentication is required', MUTUAL],
    ['an identifier without a challenge', { ...right, CHAP_I: '7' }, 'CHAP_C is no binary value', MUTUAL],
    ['a challenge without an identifier', { ...right, CHAP_C: '0x01' }, 'CHAP_I is no number', MUTUAL],
    ['an identifier of 256', { ...asked, CHAP_I: '256' }, 'CHAP_I is no number from 0 to 255', MUTUAL],
    ['a negative identifier', { ...asked, CHAP_I: '-1' }, 'CHAP_I is no number from 0 to 255', MUTUAL],
    ['a challenge of 1025 bytes', { ...asked, CHAP_C: `0x${'00'.repeat(1025)}` }, 'CHAP_C is no binary value', MUTUAL],
    ['1 MiB of base64 for a challenge', { ...asked, CHAP_C: `0b${'A'.repeat(2 ** 20)}` }, 'no binary value', MUTUAL],
    ['its own challenge', { ...asked, CHAP_C: `0x${OURS.toString('hex')}` }, 'a reflection', MUTUAL],
    [
      'its own identifier and challenge, in base64',
      { ...asked, CHAP_I: '90', CHAP_C: base64(OURS.toString('hex')) },
      'a reflection',
      MUTUAL,
    ],
    [
      'the response that it would have given itself',
      { ...asked, CHAP_R: `0x${reflected('MD5')}` },
      'the response is the one that this side would have given',
      MUTUAL,
    ],
  ])('then, %s', (_, values, message, terms) => {
    const side = asking(terms)
    expect(() => side.step(keys(values))).toThrow(message)
    expect(side.done).toBe(false)
  })

  test('a challenge of one byte and one of 1024 are answered', () => {
    for (const length of [1, 1024])
      expect(asking(MUTUAL).step(keys({ ...asked, CHAP_C: `0x${'5a'.repeat(length)}` }))).toHaveLength(2)
  })

  test('nothing more after the end', () => {
    const side = asking()
    side.step(keys(right))
    expect(() => side.step(keys({ CHAP_A: '5' }))).toThrow('the exchange has ended')
  })

  test('no message holds the secret', () => {
    const messages: string[] = []
    for (const values of [{}, { ...right, CHAP_N: 'bob' }, { ...right, CHAP_R: `0x${'00'.repeat(16)}` }, asked])
      try {
        asking().step(keys(values))
      } catch (error) {
        messages.push((error as Error).message)
      }
    expect(messages).toHaveLength(4)
    expect(messages.join()).not.toMatch(/horse|another/)
  })

  /** What the target would have answered to its own challenge. */
  function reflected(algorithm: ChapAlgorithm): string {
    return createHash(HASH[algorithm])
      .update(Buffer.concat([Buffer.of(0x5a), mutual.secret, OURS]))
      .digest('hex')
  }
})

describe('the initiator', () => {
  const begun = (terms = MUTUAL): ChapPeer => {
    const side = new ChapPeer(terms, HOST_CRYPTO)
    expect(said(side.step(keys({})))).toEqual({ CHAP_A: '8,7,6,5' })
    return side
  }
  const challenge = { CHAP_A: '5', CHAP_I: '90', CHAP_C: `0x${OURS.toString('hex')}` }
  const answered = (terms = MUTUAL): ChapPeer => {
    const side = begun(terms)
    side.step(keys(challenge))
    return side
  }

  test.each(VECTORS)('%s: its response, and its own challenge', (_, number, response, answer) => {
    const side = begun()
    expect(side.answered).toBe(false)
    expect(said(side.step(keys({ ...challenge, CHAP_A: String(number) })))).toEqual({
      CHAP_N: 'alice',
      CHAP_R: `0x${response}`,
      CHAP_I: '7',
      CHAP_C: `0x${THEIRS.toString('hex')}`,
    })
    expect([side.answered, side.done]).toEqual([true, false])
    expect(side.step(keys({ CHAP_N: 'array', CHAP_R: base64(answer) }))).toEqual([])
    expect(side.done).toBe(true)
    expect(side.step(keys({}))).toEqual([])
  })

  test('one-way: no challenge of its own, and the target need prove nothing', () => {
    const side = begun(ONE_WAY)
    expect(Object.keys(said(side.step(keys(challenge))))).toEqual(['CHAP_N', 'CHAP_R'])
    expect(side.step(keys({}))).toEqual([])
    expect(side.done).toBe(true)
  })

  test('only the algorithms that it is told, in their order', () =>
    expect(new ChapPeer({ chap, algorithms: ['MD5', 'SHA-256'] }, HOST_CRYPTO).step(keys({}))).toEqual([
      { key: 'CHAP_A', value: '5,7' },
    ]))

  test.each<[string, Record<string, string>, string]>([
    ['nothing', {}, 'CHAP_A is missing'],
    ['a rejection', { CHAP_A: 'Reject' }, 'the target rejects the algorithms'],
    ['an algorithm that was not offered', { ...challenge, CHAP_A: '9' }, 'none of the algorithms that were offered'],
    ['two algorithms', { ...challenge, CHAP_A: '5,6' }, 'none of the algorithms that were offered'],
    ['no identifier', { CHAP_A: '5', CHAP_C: '0x00' }, 'CHAP_I is missing'],
    ['no challenge', { CHAP_A: '5', CHAP_I: '1' }, 'CHAP_C is missing'],
    ['an identifier of 256', { ...challenge, CHAP_I: '256' }, 'CHAP_I is no number'],
    ['an empty challenge', { ...challenge, CHAP_C: '0x' }, 'CHAP_C is no binary value'],
    ['a challenge of 1025 bytes', { ...challenge, CHAP_C: `0x${'00'.repeat(1025)}` }, 'CHAP_C is no binary value'],
    ['a response that nobody asked for', { ...challenge, CHAP_N: 'array' }, 'CHAP_N is out of place'],
  ])('a challenge that is none: %s', (_, values, message) => {
    expect(() => begun().step(keys(values))).toThrow(ChapError)
    expect(() => begun().step(keys(values))).toThrow(message)
  })

  const right = { CHAP_N: 'array', CHAP_R: `0x${VECTORS[0]![3]}` }
  const own = createHash('md5')
    .update(Buffer.concat([Buffer.of(7), chap.secret, THEIRS]))
    .digest('hex')
  test.each<[string, Record<string, string>, string]>([
    ['nothing', {}, 'CHAP_N is missing'],
    ['no name', { CHAP_R: right.CHAP_R }, 'CHAP_N is missing'],
    ['no response', { CHAP_N: 'array' }, 'CHAP_R is missing'],
    ['a wrong name', { ...right, CHAP_N: 'alice' }, 'CHAP_N is not "array"'],
    ['a wrong response', { ...right, CHAP_R: `0x${'11'.repeat(16)}` }, 'wrong response for user "array"'],
    ['a response of another length', { ...right, CHAP_R: `0x${'11'.repeat(20)}` }, 'no binary value of 16 bytes'],
    ['its own secret reflected', { ...right, CHAP_R: `0x${own}` }, 'a reflection'],
  ])('a mutual answer that is none: %s', (_, values, message) => {
    const side = answered()
    expect(() => side.step(keys(values))).toThrow(message)
    expect(side.done).toBe(false)
  })

  test('one-way: an answer that nobody asked for', () =>
    expect(() => answered(ONE_WAY).step(keys(right))).toThrow('CHAP_N is out of place'))
})

test.each(CHAP_ALGORITHM_NAMES)('both sides agree: %s', (algorithm) => {
  const terms = { ...MUTUAL, algorithms: [algorithm] }
  const [authenticator, peer] = [new ChapAuthenticator(terms, TARGET_CRYPTO), new ChapPeer(terms, HOST_CRYPTO)]
  let text = peer.step(keys({}))
  for (let round = 0; round < 2; round++) text = peer.step(keys(said(authenticator.step(keys(said(text))))))
  expect([authenticator.done, peer.done, text]).toEqual([true, true, []])
})
