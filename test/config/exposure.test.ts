// The keys that say who sees what, where, and how much of the array each may use: what they may be, and what is told of a
// value that is wrong.

import { describe, expect, test } from 'vitest'
import { describeChanges } from '../../src/config/changes.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { toYaml } from '../../src/config/print.ts'
import type { ArrayInput } from '../../src/config/schema.ts'

const HOST = 'iqn.2026-11.com.example:host'

function refusal(input: unknown): string {
  try {
    parseConfig(input as ArrayInput)
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

const ofTarget = (target: unknown) => refusal({ targets: [target] })
const luns = (...all: unknown[]) =>
  ofTarget({ luns: all.map((lun) => ({ store: { type: 'memory' }, ...(lun as object) })) })

const ADDRESS = 'HOST:PORT or [IPV6]:PORT with a port from 1 to 65535'
const PORTAL = 'HOST:PORT or [IPV6]:PORT with a port from 0 to 65535'

describe('portals with a public address', () => {
  test('are kept as they are given', () => {
    const portals = ['127.0.0.1:0', { listen: '[::]:3260', public: 'array.example:3260' }]
    expect(parseConfig({ portals }).portals).toEqual(portals)
  })

  test.each([
    [[{ listen: 'x', public: 'a:1' }], `portals[0].listen: found "x"; allowed: ${PORTAL}`],
    [[{ listen: 'a:1', public: 'a:0' }], `portals[0].public: found "a:0"; allowed: ${ADDRESS}`],
    [[{ listen: 'a:1' }], `portals[0].public: found nothing; allowed: ${ADDRESS}`],
    [
      [{ listen: 'a:1', publc: 'a:1', public: 'b:1' }],
      'portals[0].publc: unknown key, did you mean public? allowed: listen, public',
    ],
    [[['a:1']], `portals[0]: found a list; allowed: ${PORTAL}`],
    [
      ['a:1', { listen: 'A:1', public: 'b:1' }],
      'portals[1]: found a mapping; allowed: each portal once (portals[0] has this one)',
    ],
  ])('%j', (portals, message) => expect(refusal({ portals })).toBe(message))
})

describe('redirect', () => {
  test('is for the time being where nothing else is said', () => {
    const { targets } = parseConfig({ targets: [{ redirect: { to: '[2001:db8::1]:3260' } }] })
    expect(targets[0]?.redirect).toEqual({ to: '[2001:db8::1]:3260', permanent: false })
  })

  test.each([
    ['away', 'targets[0].redirect: found "away"; allowed: none, or a mapping'],
    [['a:1'], 'targets[0].redirect: found a list; allowed: none, or a mapping'],
    [{}, `targets[0].redirect.to: found nothing; allowed: ${ADDRESS}`],
    [{ to: 'storage.example' }, `targets[0].redirect.to: found "storage.example"; allowed: ${ADDRESS}`],
    [{ to: 'a:1', permanent: 'yes' }, 'targets[0].redirect.permanent: found "yes"; allowed: true, false'],
    [{ to: 'a:1', from: 1 }, 'targets[0].redirect.from: unknown key; allowed: to, permanent'],
  ])('%j', (redirect, message) => expect(ofTarget({ redirect })).toBe(message))
})

describe('presentations', () => {
  test.each([
    [{ presentations: 7 }, 'presentations: found 7; allowed: a list of mappings with initiators and id'],
    [{ presentations: [7] }, 'presentations[0]: found 7; allowed: a mapping with the keys initiators, id'],
    [
      { presentations: [{ initiators: 'any', id: 16384 }] },
      'presentations[0].id: found 16384; allowed: a whole number from 0 to 16383',
    ],
    [
      { presentations: [{ id: 1 }] },
      'presentations[0].initiators: found nothing; allowed: any, or a list of iSCSI names',
    ],
  ])('%j', (lun, message) => expect(luns(lun)).toBe(`targets[0].luns[0].${message}`))

  test('two LUNs under one number for one initiator are refused, with who would see them', () => {
    const seven = { presentations: [{ initiators: [HOST], id: 7 }] }
    expect(luns({ id: 0, ...seven }, { id: 7 })).toBe(
      `targets[0].luns[1].id: found 7; allowed: a number that no other LUN has for ${HOST} (targets[0].luns[0] has this one)`,
    )
    expect(luns({ id: 0, ...seven }, { id: 1, ...seven })).toBe(
      `targets[0].luns[1].presentations[0].id: found 7; allowed: a number that no other LUN has for ${HOST} (targets[0].luns[0] has this one)`,
    )
    expect(
      luns({ id: 0, presentations: [{ initiators: ['iqn.*'], id: 5 }] }, { id: 5, initiators: ['iqn.*:a'] }),
    ).toMatch(/found 5; allowed: a number that no other LUN has for iqn\.:a/)
    expect(luns({ id: 0, presentations: [{ initiators: 'any', id: 5 }] }, { id: 5 })).toMatch(/for others/)
  })

  test.each([
    [
      'numbers that two LUNs exchange',
      [
        { id: 0, presentations: [{ initiators: [HOST], id: 7 }] },
        { id: 7, presentations: [{ initiators: [HOST], id: 0 }] },
      ],
    ],
    [
      'each host its own boot LUN 0',
      [
        { id: 10, initiators: [HOST], presentations: [{ initiators: [HOST], id: 0 }] },
        { id: 11, initiators: [`${HOST}2`], presentations: [{ initiators: [`${HOST}2`], id: 0 }] },
      ],
    ],
    [
      "a number that is another LUN's for those who do not see it",
      [
        { id: 0, initiators: [HOST], presentations: [{ initiators: 'any', id: 7 }] },
        { id: 7, initiators: ['eui.0123456789abcdef'] },
      ],
    ],
    [
      'the first presentation counts',
      [
        {
          id: 0,
          presentations: [
            { initiators: [HOST], id: 1 },
            { initiators: 'any', id: 2 },
          ],
        },
        { id: 2, initiators: [HOST] },
      ],
    ],
  ])('%s: accepted', (_, all) => expect(luns(...all)).toBe('accepted'))
})

describe('limits', () => {
  test.each([
    [{ connections: 0 }, 'connections: found 0; allowed: a whole number from 1 to 65535'],
    [{ connectionsPerAddress: '3' }, 'connectionsPerAddress: found "3"; allowed: a whole number from 1 to 65535'],
    [{ connectionsBeforeLogin: -1 }, 'connectionsBeforeLogin: found -1; allowed: a whole number from 1 to 65535'],
    [{ sessions: 65536 }, 'sessions: found 65536; allowed: a whole number from 1 to 65535'],
    [{ sessionsPerInitiator: null }, 'sessionsPerInitiator: found nothing; allowed: a whole number from 1 to 65535'],
    [{ loginSeconds: 0 }, 'loginSeconds: found 0; allowed: a whole number from 1 to 3600'],
    [{ commandWindow: 0 }, 'commandWindow: found 0; allowed: a whole number from 1 to 4096'],
    [
      { commandWindow: 200 },
      'tasksPerSession: found nothing; allowed: at least commandWindow, 200 (immediate commands come on top of the window)',
    ],
    [{ buffer: '1GiB' }, 'buffer: unknown key, did you mean buffers? allowed: '],
    [{ buffers: '1MiB' }, 'buffers: found "1MiB"; allowed: 16MiB to 64GiB: '],
    [{ outputPerConnection: 1 }, 'outputPerConnection: found 1; allowed: 1MiB to 1GiB: '],
    [{ inputPerConnection: '1MiB' }, 'inputPerConnection: found "1MiB"; allowed: 2MiB to 1GiB: '],
    [{ negotiationText: '4KiB' }, 'negotiationText: found "4KiB"; allowed: 8KiB to 1MiB: '],
    [{ dataOutSeconds: 0.5 }, 'dataOutSeconds: found 0.5; allowed: a whole number from 1 to 3600'],
  ])('%j', (limits, message) => expect(refusal({ limits })).toMatch(`limits.${message}`))

  test('sizes are printed as people write them', () => {
    expect(toYaml(parseConfig({ limits: { buffers: 2 ** 30 } }))).toContain('buffers: 1GiB')
  })
})

test('a change is told in words: limits, public addresses, redirections, numbers', () => {
  const before = parseConfig({ portals: ['127.0.0.1:0'], targets: [{ luns: [{ store: { type: 'memory' } }] }] })
  const after = parseConfig({
    portals: [{ listen: '127.0.0.1:0', public: 'array.example:3260' }],
    limits: { sessions: 10, buffers: '1GiB' },
    targets: [
      {
        redirect: { to: 'b:1' },
        luns: [{ store: { type: 'memory' }, presentations: [{ initiators: ['*'], id: 7 }] }],
      },
    ],
  })
  const iqn = before.targets[0]?.iqn
  expect(describeChanges(before, after)).toEqual([
    `${iqn} LUN 0: presentations [] -> [{"initiators":["*"],"id":7}]`,
    `${iqn}: redirect "none" -> {"to":"b:1","permanent":false}`,
    'portals ["127.0.0.1:0"] -> [{"listen":"127.0.0.1:0","public":"array.example:3260"}]',
    'limits.sessions 4096 -> 10',
    'limits.buffers "256MiB" -> "1GiB"',
  ])
})
