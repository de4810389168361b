// The configuration: what targets, LUNs and portals must be to each other, and what is answered where they are not.

import { describe, expect, test } from 'vitest'
import { NAA, refusal } from './refusals.ts'

describe('what targets, LUNs and portals must be to each other', () => {
  const TAKEN = 'has this one)'

  test('LUN ids are unique in a target, and only there', () => {
    expect(refusal({ targets: [{ luns: [{ store: { type: 'null' } }, { store: { path: 'x' } }] }] })).toBe(
      `targets[0].luns[1].id: found 0; allowed: an id that no other LUN of the target has (targets[0].luns[0].id ${TAKEN}`,
    )
    const targets = ['a', 'b'].map((name) => ({ iqn: `iqn.2026-11.io.x:${name}`, luns: [{ store: { path: name } }] }))
    expect(refusal({ targets })).toBe('accepted')
  })

  test('target names are unique, whatever their case', () =>
    expect(refusal({ targets: ['A', 'a'].map((name) => ({ iqn: `iqn.2026-11.io.x:${name}`, luns: [] })) })).toBe(
      `targets[1].iqn: found "iqn.2026-11.io.x:a"; allowed: a name that no other target has (targets[0].iqn ${TAKEN}`,
    ))

  test('an image belongs to one LUN, however its path is written', () => {
    const luns = [{ store: { path: 'a.img' } }, { id: 1, store: { type: 'file', path: '../data/./a.img' } }]
    expect(refusal({ data: '/srv/data', targets: [{ luns }] })).toBe(
      `targets[0].luns[1].store.path: found "../data/./a.img"; allowed: an image that no other LUN has (targets[0].luns[0].store.path ${TAKEN}`,
    )
  })

  test('NAA names and serial numbers that are given are unique', () => {
    const luns = [0, 1].map((id) => ({ id, identity: { naa: NAA, serial: 'S1' } }))
    expect(refusal({ targets: [{ luns }] }).split('\n')).toEqual([
      `targets[0].luns[1].identity.naa: found "${NAA}"; allowed: a name that no other LUN has (targets[0].luns[0].identity.naa ${TAKEN}`,
      `targets[0].luns[1].identity.serial: found "S1"; allowed: a serial number that no other LUN has (targets[0].luns[0].identity.serial ${TAKEN}`,
    ])
  })

  test('all LUNs of an array report one product', () =>
    expect(refusal({ targets: [{ luns: [{}, { id: 1, identity: { product: 'DISK' } }] }] })).toBe(
      'targets[0].luns[1].identity.product: found "DISK"; allowed: "VIRTUAL DISK", as targets[0].luns[0] has it (all LUNs of an array report one product)',
    ))

  test('a portal stands once in the list; port 0 as often as wanted', () => {
    expect(refusal({ portals: ['LOCALHOST:1', 'localhost:1'] })).toBe(
      `portals[1]: found "localhost:1"; allowed: each portal once (portals[0] ${TAKEN}`,
    )
    expect(refusal({ portals: ['127.0.0.1:0', '127.0.0.1:0'] })).toBe('accepted')
  })

  test('a target names portals that there are, each once', () =>
    expect(refusal({ portals: ['a:1', 'b:1'], targets: [{ portals: [1, 2, 1] }] }).split('\n')).toEqual([
      'targets[0].portals[1]: found 2; allowed: an index into portals, from 0 to 1',
      'targets[0].portals[2]: found 1; allowed: each index once',
    ]))

  test('are judged even where something else is wrong', () =>
    expect(
      refusal({
        data: 1,
        targets: [{ iqn: 'x', luns: [{ size: 1 }, { id: 1 }, { id: 1, store: { path: 'b' } }] }],
      }).split('\n'),
    ).toEqual([
      expect.stringMatching(/^data: found 1;/),
      expect.stringMatching(/^targets\[0\]\.iqn: found "x";/),
      expect.stringMatching(/^targets\[0\]\.luns\[0\]\.size: found 1;/),
      expect.stringMatching(/^targets\[0\]\.luns\[2\]\.id: found 1;/),
    ]))
})
