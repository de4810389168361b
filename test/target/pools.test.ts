// The operator hears of a pool that fills up: one line a crossing.

import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/host/index.ts'
import { startArray } from '../../src/index.ts'
import { createLogger } from '../../src/log.ts'
import { drainUnitAttentions, MIB } from './array.ts'
import { Disk, pattern } from './disk.ts'

test('a pool that reaches its soft threshold is logged, once', async () => {
  const stream = new PassThrough({ encoding: 'utf8' })
  const array = await startArray(
    {
      portals: ['127.0.0.1:0'],
      pools: [{ name: 'default', capacity: '4MiB', softThreshold: '50%' }],
      targets: [{ luns: [{ store: { type: 'memory' }, size: '4MiB' }] }],
    },
    { log: createLogger('warn', stream, false) },
  )
  onTestFinished(() => array.close())
  const port = Number(array.portals[0]!.split(':').at(-1))
  const session = await connect({ host: '127.0.0.1', port, targetName: array.targets[0]! })
  onTestFinished(() => session.destroy())
  const disk = new Disk(session)
  await drainUnitAttentions(disk)
  await disk.write(0, pattern(MIB, 1))
  expect(stream.read()).toBeNull()
  await disk.write(MIB / 512, pattern(MIB, 2))
  const line = JSON.parse(String(stream.read()))
  expect(line).toMatchObject({
    level: 'warn',
    pool: 'default',
    used: 2 * MIB,
    softThreshold: 2 * MIB,
    capacity: 4 * MIB,
    msg: 'a pool has reached its soft threshold',
  })
  await drainUnitAttentions(disk)
  await disk.write((3 * MIB) / 512, pattern(MIB / 2, 3))
  expect(stream.read()).toBeNull()
})
