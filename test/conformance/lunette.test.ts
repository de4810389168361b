import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { errorLines, lunetteConfig } from '../../conformance/targets/lunette.ts'

test('the configuration gives every LUN its own image in a store of its provisioning', () => {
  const luns = [
    { id: 0, size: '256MiB', provisioning: 'thin', dpoFua: false },
    { id: 1, size: '64MiB', provisioning: 'thick', limits: { compareAndWriteBlocks: 1 } },
  ] as const
  const targets = [
    { iqn: 'iqn.2026-11.io.lunette:a', luns },
    { iqn: 'iqn.2026-11.io.lunette:b', luns: [luns[0]] },
  ]
  const config = parse(lunetteConfig({ targets }, 'images', ['127.0.0.1:0']))
  expect(config).toMatchObject({ data: 'images', portals: ['127.0.0.1:0'] })
  expect(config.targets[0].luns).toEqual([
    { id: 0, store: { type: 'sparse', path: 'target0-lun0.img' }, size: '256MiB', provisioning: 'thin', dpoFua: false },
    {
      ...{ id: 1, store: { type: 'file', path: 'target0-lun1.img' }, size: '64MiB', provisioning: 'thick' },
      limits: { compareAndWriteBlocks: 1 },
    },
  ])
  expect(config.targets[1].luns[0].store.path).toBe('target1-lun0.img')
})

describe("the array's log", () => {
  const line = (level: number | string, more: object = {}) =>
    JSON.stringify({ level, time: 1, msg: 'what happened', ...more })

  test('lines at level error and above are complaints, with the stack where there is one', () => {
    const log = [line(30), line(40), line(50), line(60, { err: { stack: 'Error: x\n    at y' } })].join('\n')
    expect(errorLines(log)).toEqual(['logged: what happened', 'logged: what happened\nError: x\n    at y'])
  })

  test('levels may be written as names', () => {
    const log = [line('warn'), line('error'), line('fatal')].join('\n')
    expect(errorLines(log)).toEqual(['logged: what happened', 'logged: what happened'])
  })

  test.each(['', 'plain words', '{ not JSON', '{}', '{"msg":"no level"}'])('other lines are not: %j', (log) => {
    expect(errorLines(log)).toEqual([])
  })
})
