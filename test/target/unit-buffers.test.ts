// What READ BUFFER and WRITE BUFFER can make a logical unit hold: one echo buffer an I_T nexus, and no more than the bound.

import { expect, test } from 'vitest'
import { LIMITS } from '../../src/target/limits.ts'
import type { Nexus } from '../../src/target/nexus.ts'
import { UnitBuffers } from '../../src/target/unit-buffers.ts'

const nexus = (n: number): Nexus => ({
  initiatorName: `iqn.2026-11.io.lunette:${n}`,
  initiatorPort: `iqn.2026-11.io.lunette:${n},i,0x800000000000`,
  targetPort: 'iqn.2026-11.io.lunette:array1,t,0x0001',
  targetPortGroupTag: 1,
})

test('past the bound the echo buffer that was written longest ago is as if it had never been written', () => {
  const buffers = new UnitBuffers()
  const nexuses = [...Array(LIMITS.echoBuffersPerUnit + 1).keys()].map(nexus)
  for (const each of nexuses.slice(0, -1)) buffers.writeEcho(each, Buffer.from(each.initiatorName))
  buffers.writeEcho(nexuses[0]!, Buffer.from('again'))
  buffers.writeEcho(nexuses.at(-1)!, Buffer.from('last'))
  expect(buffers.readEcho(nexuses[0]!)?.toString()).toBe('again')
  expect(buffers.readEcho(nexuses[1]!)).toBeUndefined()
  for (const each of nexuses.slice(2)) expect(buffers.readEcho(each)).toBeDefined()
})

test('the end of a nexus frees its echo buffer', () => {
  const buffers = new UnitBuffers()
  const [a, b] = [nexus(1), nexus(2)]
  for (const each of [a, b]) buffers.writeEcho(each, Buffer.from('x'))
  buffers.loseNexus(a)
  expect(buffers.readEcho(a)).toBeUndefined()
  expect(buffers.readEcho(b)).toBeDefined()
})

test('what was written is a copy: the buffer that it came in is used again', () => {
  const buffers = new UnitBuffers()
  const data = Buffer.from('data')
  const writer = nexus(1)
  buffers.writeEcho(writer, data)
  buffers.write(data, 0)
  data.fill(0)
  expect(buffers.readEcho(writer)?.toString()).toBe('data')
  expect(buffers.read(0, 4).toString()).toBe('data')
})
