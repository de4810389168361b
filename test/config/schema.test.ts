// The configuration: its defaults, and what is parsed again as it was.

import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'
import type { ArrayConfig, ArrayInput } from '../../src/config/schema.ts'
import { firstLun, NAA } from './refusals.ts'

const MIB = 2 ** 20
const GIB = 2 ** 30

describe('defaults', () => {
  test('are the values of the documentation', () => {
    expect(parseConfig({ portals: ['127.0.0.1:3260'] })).toEqual({
      data: './lunette-data',
      portals: ['127.0.0.1:3260'],
      limits: {
        connections: 8192,
        connectionsPerAddress: 8192,
        connectionsBeforeLogin: 1024,
        sessions: 4096,
        sessionsPerInitiator: 1024,
        loginSeconds: 15,
        negotiationText: 65_536,
        commandWindow: 128,
        tasksPerSession: 192,
        outputPerConnection: 8 * MIB,
        inputPerConnection: 16 * MIB,
        buffers: 256 * MIB,
        pingAfterSeconds: 15,
        pingAnswerSeconds: 60,
        dataOutSeconds: 30,
      },
      pools: [{ name: 'default', capacity: 64 * GIB, softThreshold: '80%' }],
      targets: [
        {
          iqn: 'iqn.2026-11.io.lunette:array1',
          portals: 'all',
          initiators: 'any',
          redirect: 'none',
          abortFinished: 'notExist',
          errorRecoveryLevel: 2,
          luns: [
            {
              id: 0,
              store: { type: 'sparse', path: 'lun0.img' },
              size: 10 * GIB,
              blockSize: 512,
              physicalBlockSize: 512,
              provisioning: 'thin',
              pool: 'default',
              readOnly: false,
              removable: false,
              writeCache: true,
              initiators: 'any',
              presentations: [],
              identity: {
                vendor: 'LUNETTE',
                product: 'VIRTUAL DISK',
                revision: '1.0',
                naa: 'auto',
                serial: 'auto',
              },
              vaai: { ats: true, clone: true, zero: true, delete: true },
              limits: {
                compareAndWriteBlocks: 255,
                transferBlocks: 65536,
                writeSameBlocks: 0,
                writeSameZeroMeansEnd: true,
                unmapBlocks: 4294967295,
                unmapDescriptors: 256,
                unmapGranularityBlocks: 1,
                anchor: true,
                atomicBlocks: 256,
                atomicAlignmentBlocks: 0,
                atomicGranularityBlocks: 0,
                copySegmentBytes: GIB / 4,
              },
              dpoFua: true,
              scsiVersion: 6,
              sanitizeSeconds: 0,
            },
          ],
        },
      ],
    } satisfies ArrayConfig)
  })

  test('an array that a program starts listens on a free port of its own', () =>
    expect(parseConfig({}).portals).toEqual(['127.0.0.1:0']))
  test('an image is named after its LUN', () =>
    expect(firstLun({ id: 7 })?.store).toEqual({ type: 'sparse', path: 'lun7.img' }))
  test('a 4Kn disk has 4 KiB physical blocks', () =>
    expect(firstLun({ blockSize: 4096 })?.physicalBlockSize).toBe(4096))
  test('a file store is thick, the others thin', () => {
    expect(firstLun({ store: { type: 'file' } })?.provisioning).toBe('thick')
    expect(firstLun({ store: { type: 'memory' } })?.provisioning).toBe('thin')
    expect(firstLun({ store: { type: 'null' } })?.provisioning).toBe('thin')
  })
  test('keys that are undefined are as good as absent', () =>
    expect(firstLun({ size: undefined, store: undefined })?.size).toBe(10 * GIB))
  test('do not share anything between two arrays', () => {
    const one = parseConfig({})
    const other = parseConfig({})
    expect(one.portals).not.toBe(other.portals)
    expect(one.targets[0]?.luns[0]?.limits).not.toBe(other.targets[0]?.luns[0]?.limits)
  })
})

describe('parsing an effective configuration again gives the same', () => {
  test.each([
    ['the default', {}],
    ['the library example', { targets: [{ luns: [{ id: 0, store: { type: 'memory' }, size: '1GiB' }] }] }],
    [
      'one that sets everything',
      {
        data: '/srv/data',
        portals: ['0.0.0.0:3260', '[::1]:0', { listen: 'localhost:0', public: '[2001:db8::1]:3260' }],
        limits: { connections: 9, buffers: '1GiB', negotiationText: 8192 },
        targets: [
          {
            iqn: 'iqn.2001-04.com.example:A',
            portals: [1, 0],
            initiators: ['iqn.2001-04.com.example:Host', 'eui.0123456789ABCDEF', 'iqn.*:Rack1.**'],
            redirect: { to: 'storage.example.com:3260' },
            abortFinished: 'complete',
            errorRecoveryLevel: 0,
            luns: [
              {
                id: 16383,
                store: { type: 'file', path: '/dev/shm/x.img' },
                size: '1.5MiB',
                blockSize: 4096,
                initiators: [],
                presentations: [
                  { initiators: ['naa.*', '*'], id: 3 },
                  { initiators: 'any', id: 4 },
                ],
              },
              {
                id: 1,
                store: { type: 'null' },
                size: 1 * GIB,
                physicalBlockSize: 4096,
                provisioning: 'thick',
                readOnly: true,
                writeCache: false,
                identity: { vendor: 'V', revision: 'r', naa: NAA.toUpperCase(), serial: 'S 1' },
                vaai: { ats: false, clone: false, zero: false, delete: false },
                limits: { compareAndWriteBlocks: 0, unmapBlocks: 0, unmapDescriptors: 0, copySegmentBytes: '4KiB' },
                dpoFua: false,
                scsiVersion: 5,
                removable: true,
                sanitizeSeconds: 8,
              },
            ],
          },
        ],
      },
    ],
  ])('%s', (_, input) => {
    const effective = parseConfig(input as ArrayInput)
    expect(parseConfig(effective)).toEqual(effective)
  })

  test('iSCSI names are kept in the form that a login brings (RFC 7143 4.2.7.2)', () => {
    const [target] = parseConfig({
      targets: [{ iqn: 'iqn.2001-04.com.Example:A', initiators: ['EUI.0123456789ABCDEF'] }],
    }).targets
    expect(target).toMatchObject({ iqn: 'iqn.2001-04.com.example:a', initiators: ['eui.0123456789abcdef'] })
  })
})
