import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeGeometry,
  geometryFields,
  RESOURCE_FILE_HEADER,
  ResourceGeometry,
} from '../../../../src/host/vmfs/structures/resource-file.ts'

const FDC5 = { resourcesPerCluster: 32, clustersPerGroup: 64, resourceBytes: 2048, clusterHeaderBytes: 1024 }
const FBB5 = { resourcesPerCluster: 200, clustersPerGroup: 64, resourceBytes: 0, clusterHeaderBytes: 1024 }
const SBC5 = { ...FDC5, resourceBytes: 8192 }
const PB2_6 = { resourcesPerCluster: 32, clustersPerGroup: 8, resourceBytes: 65536, clusterHeaderBytes: 8192 }
const PBC6 = { ...PB2_6, resourcesPerCluster: 0 }

describe('the formulas of vmfs-format.md, 6.2', () => {
  test.each([
    ['.fdc.sf of a sample', FDC5, 64, { groupBytes: 0x410000, groups: 1, clusters: 2, fileLength: 0x40000 }],
    ['.fbb.sf of a sample', FBB5, 256, { groupBytes: 0x10000, groups: 1, clusters: 2, fileLength: 0x20000 }],
    ['.sbc.sf of a sample', SBC5, 256, { groupBytes: 0x1010000, groups: 1, clusters: 8, fileLength: 0x220000 }],
    ['.pb2.sf of VMFS6', PB2_6, 1, { groups: 1, clusters: 1, fileLength: 0x30000 }],
    ['.pbc.sf of VMFS6, which is empty', PBC6, 0, { groupBytes: 0x10000, groups: 0, clusters: 0, fileLength: 0x10000 }],
    [
      '.fdc.sf of several groups',
      FDC5,
      5000,
      { groups: 3, clusters: 157, fileLength: 0x10000 + 2 * 0x410000 + 0x10000 + 904 * 2048 },
    ],
  ])('%s', (_, layout, resources, expected) => {
    expect(new ResourceGeometry({ ...layout, resources })).toMatchObject(expected)
  })

  test('places in the second group', () => {
    const geometry = new ResourceGeometry({ ...FDC5, resources: 5000 })
    expect(geometry.headerOffset(0)).toBe(0x10000)
    expect(geometry.headerOffset(65)).toBe(0x10000 + 0x410000 + 1024)
    expect(geometry.resourceOffset(0, 1)).toBe(0x20000 + 2048)
    expect(geometry.resourceOffset(65, 3)).toBe(0x10000 + 0x410000 + 0x10000 + (32 + 3) * 2048)
    expect(geometry.total(156)).toBe(8)
    expect(geometry.locate(4999)).toEqual({ cluster: 156, resource: 7 })
  })

  test('no two resources or headers overlap, and all are inside the file', () => {
    const layouts = fc.record({
      resourcesPerCluster: fc.integer({ min: 1, max: 20 }),
      clustersPerGroup: fc.integer({ min: 1, max: 6 }),
      resourceBytes: fc.constantFrom(512, 2048),
      clusterHeaderBytes: fc.constantFrom(1024, 8192),
      resources: fc.integer({ min: 1, max: 300 }),
    })
    fc.assert(
      fc.property(layouts, (layout) => {
        const geometry = new ResourceGeometry(layout)
        const parts: [number, number][] = []
        for (let cluster = 0; cluster < geometry.clusters; cluster++)
          parts.push([geometry.headerOffset(cluster), layout.clusterHeaderBytes])
        for (let number = 0; number < layout.resources; number++) {
          const { cluster, resource } = geometry.locate(number)
          parts.push([geometry.resourceOffset(cluster, resource), layout.resourceBytes])
        }
        parts.sort(([a], [b]) => a - b)
        let end = 0x10000
        for (const [offset, length] of parts) {
          expect(offset).toBeGreaterThanOrEqual(end)
          end = offset + length
        }
        expect(end).toBe(geometry.fileLength)
      }),
      { numRuns: 50 },
    )
  })

  test.each<[string, (geometry: ResourceGeometry) => unknown]>([
    ['a cluster past the last', (geometry) => geometry.headerOffset(2)],
    ['a resource past the last', (geometry) => geometry.resourceOffset(1, 8)],
    ['a negative resource', (geometry) => geometry.resourceOffset(0, -1)],
    ['a cluster that is no number', (geometry) => geometry.total(Number.NaN)],
    ['resource number 40', (geometry) => geometry.locate(40)],
  ])('%s is damage', (_, ask) => {
    const geometry = new ResourceGeometry({ ...FDC5, resources: 40 })
    expect(() => ask(geometry)).toThrow(expect.objectContaining({ problem: 'damaged' }))
  })
})

const LIMITS = { resourcesPerCluster: 512, clusters: 65_536 }
const header = (change: object = {}) =>
  RESOURCE_FILE_HEADER.encode({ ...geometryFields(new ResourceGeometry({ ...FDC5, resources: 5000 })), ...change })
const decode = (source: Buffer) => decodeGeometry('.fdc.sf', source, 0, 1024, 2048, LIMITS)

test('a header says its geometry', () => {
  expect(decode(header())).toEqual(new ResourceGeometry({ ...FDC5, resources: 5000 }))
})

test.each([
  ['no resources per cluster', { resourcesPerCluster: 0 }],
  ['more resources per cluster than a bitmap has', { resourcesPerCluster: 513 }],
  ['no clusters per group', { clustersPerGroup: 0 }],
  ['groups of 2^32 clusters', { clustersPerGroup: 0xffffffff }],
  ['more clusters than addresses reach', { resources: 0xffffffff }],
  ['more than 2^32 resources', { resourcesHigh: 1 }],
  ['resources of another size', { resourceBytes: 4096 }],
  ['groups that start elsewhere', { firstGroupOffset: 0 }],
  ['a group size that does not follow', { groupBytes: 0x410001 }],
])('a header with %s is damage, and named', (_, change) => {
  expect(() => decode(header(change))).toThrow(expect.objectContaining({ problem: 'damaged' }))
  expect(() => decode(header(change))).toThrow(/^\.fdc\.sf: the header says /)
})
