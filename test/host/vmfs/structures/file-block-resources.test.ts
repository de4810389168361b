import { expect, test } from 'vitest'
import {
  decodeFileBlockGeometry,
  FileBlockGeometry,
  SMALL_HEADER_OFFSET,
} from '../../../../src/host/vmfs/structures/file-block-resources.ts'
import { geometryFields, RESOURCE_FILE_HEADER } from '../../../../src/host/vmfs/structures/resource-file.ts'

const MAX_FILE_BLOCKS = 2 ** 21

test('768 MiB: two large file blocks, the second one short (vmfs-format.md, 6.5)', () => {
  const geometry = new FileBlockGeometry(768)
  expect(geometry.large).toMatchObject({ resources: 2, clusters: 1, groupBytes: 0x110000 })
  expect(geometry.clusters).toBe(2)
  expect(geometry.total(1)).toBe(256)
  expect(geometry.fileLength).toBe(0x20000 + 2 * 8192)
  expect([geometry.headerOffset(0), geometry.headerOffset(1)]).toEqual([0x20000, 0x22000])
  expect(geometry.locate(600)).toEqual({ cluster: 1, resource: 88 })
})

test('more than 64 GiB take a second group', () => {
  const geometry = new FileBlockGeometry(130 * 512)
  expect(geometry.headerOffset(127)).toBe(0x20000 + 127 * 8192)
  expect(geometry.headerOffset(128)).toBe(0x10000 + 0x110000 + 0x10000)
  expect(geometry.fileLength).toBe(0x10000 + 0x110000 + 0x10000 + 2 * 8192)
})

function headers(change: { large?: object; small?: object } = {}): Buffer {
  const geometry = new FileBlockGeometry(768)
  const block = Buffer.alloc(8192)
  RESOURCE_FILE_HEADER.encode(
    { ...geometryFields(geometry.large), childHeaderOffset: SMALL_HEADER_OFFSET, ...change.large },
    block,
  )
  return RESOURCE_FILE_HEADER.encode({ ...geometryFields(geometry.small), ...change.small }, block, SMALL_HEADER_OFFSET)
}

test('both headers say the geometry', () => {
  expect(decodeFileBlockGeometry(headers(), MAX_FILE_BLOCKS)).toEqual(new FileBlockGeometry(768))
})

test.each([
  ['another place of the second header', { large: { childHeaderOffset: 0x2000 } }],
  ['a large file block too many', { large: { resources: 3 } }],
  ['no small file blocks', { small: { resourcesPerCluster: 0 } }],
  ['more small file blocks than large ones hold', { small: { resources: 1025 } }],
  ['more than any volume has', { small: { resources: 0xffffffff } }],
  ['small file blocks of some size', { small: { resourceBytes: 8192 } }],
])('%s is damage', (_, change) => {
  expect(() => decodeFileBlockGeometry(headers(change), MAX_FILE_BLOCKS)).toThrow(
    expect.objectContaining({ problem: 'damaged' }),
  )
})
