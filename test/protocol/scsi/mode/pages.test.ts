import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CACHING } from '../../../../protocol/scsi/mode/caching.ts'
import { CONTROL, CONTROL_EXTENSION } from '../../../../protocol/scsi/mode/control.ts'
import { DISCONNECT_RECONNECT } from '../../../../protocol/scsi/mode/disconnect-reconnect.ts'
import { INFORMATIONAL_EXCEPTIONS_CONTROL } from '../../../../protocol/scsi/mode/informational-exceptions.ts'
import {
  decodeProvisioningThresholds,
  encodeProvisioningThresholds,
  LOGICAL_BLOCK_PROVISIONING_PAGE,
  THRESHOLD_ARMING,
  THRESHOLD_RESOURCE,
  THRESHOLD_TYPE_SOFT,
} from '../../../../protocol/scsi/mode/logical-block-provisioning.ts'
import { modePageCode } from '../../../../protocol/scsi/mode/page.ts'
import { FIXED_MODE_PAGES } from '../../../../protocol/scsi/mode/pages.ts'
import { encodeModeParameters } from '../../../../protocol/scsi/mode/parameter-list.ts'
import { READ_WRITE_ERROR_RECOVERY } from '../../../../protocol/scsi/mode/read-write-error-recovery.ts'
import { WireError } from '../../../../protocol/wire/error.ts'
import type { Layout } from '../../../../protocol/wire/layout.ts'
import { bothWays, hex, identity, onlyWireErrors, valuesOf } from '../support.ts'

// By hand from the tables of the standards.
const FIXTURES: [string, Layout, string, object][] = [
  [
    'Read-Write Error Recovery (01h)', READ_WRITE_ERROR_RECOVERY, '81 0a c5 08 000000 80 09 00 1388',
    {
      ps: true, awre: true, arre: true, tb: false, rc: false, eer: false, per: true, dte: false, dcr: true,
      readRetryCount: 8, lbpere: true, writeRetryCount: 9, recoveryTimeLimit: 5000,
    },
  ],
  [
    'Disconnect-Reconnect (02h)', DISCONNECT_RECONNECT, '02 0e 80 40 0001 0002 0003 0200 ba 00 0080',
    {
      ps: false, bufferFullRatio: 0x80, bufferEmptyRatio: 0x40, busInactivityLimit: 1, disconnectTimeLimit: 2,
      connectTimeLimit: 3, maximumBurstSize: 0x200, emdp: true, fairArbitration: 3, dimm: true, dtdc: 2, firstBurstSize: 0x80,
    },
  ],
  [
    'Caching (08h)', CACHING, '88 12 15 12 ffff 0001 0002 0003 a5 14 0004 00 000000',
    {
      ps: true, ic: false, abpf: false, cap: false, disc: true, size: false, wce: true, mf: false, rcd: true,
      demandReadRetentionPriority: 1, writeRetentionPriority: 2, disablePreFetchTransferLength: 0xffff, minimumPreFetch: 1,
      maximumPreFetch: 2, maximumPreFetchCeiling: 3, fsw: true, lbcss: false, dra: true, syncProg: 2, nvDis: true,
      numberOfCacheSegments: 20, cacheSegmentSize: 4,
    },
  ],
  [
    'Control (0Ah)', CONTROL, '8a 0a 26 12 28 45 0000 0064 000a',
    {
      ps: true, tst: 1, tmfOnly: false, dpicz: false, dSense: true, gltsd: true, rlec: false, queueAlgorithmModifier: 1,
      nuar: false, qerr: 1, rac: false, uaIntlckCtrl: 2, swp: true, ato: false, tas: true, atmpe: false, rwwp: false,
      autoloadMode: 5, busyTimeoutPeriod: 100, extendedSelfTestCompletionTime: 10,
    },
  ],
  [
    'Control Extension (0Ah/01h)', CONTROL_EXTENSION, `ca 01 001c 05 07 fc ${'00'.repeat(25)}`,
    { ps: true, tcmos: true, scsip: false, ialuae: true, initialCommandPriority: 7, maximumSenseDataLength: 252 },
  ],
  [
    'Informational Exceptions Control (1Ch)', INFORMATIONAL_EXCEPTIONS_CONTROL, '9c 0a 98 06 00000001 00000002',
    {
      ps: true, perf: true, ebf: false, ewasc: true, dexcpt: true, test: false, ebackerr: false, logerr: false,
      mrie: 6, intervalTimer: 1, reportCount: 2,
    },
  ],
] // biome-ignore format: one page a row

describe('mode pages', () => {
  test.each(FIXTURES)('%s', (_, page, wire, values) => {
    bothWays(page, hex(wire), values as ReturnType<Layout['decode']>)
    identity(page, valuesOf(page))
    onlyWireErrors((source) => page.decode(source), hex(wire))
  })

  test('every page of fixed length has a fixture; they stand in ascending order (SPC-4 6.13)', () => {
    expect(FIXTURES.map(([, page]) => page)).toEqual(FIXED_MODE_PAGES)
    const codes = FIXED_MODE_PAGES.map(modePageCode)
    expect(codes).toContainEqual({ pageCode: 0x0a, subpageCode: 1 })
    expect(codes.map((code) => 256 * code.pageCode + code.subpageCode)).toEqual([
      0x100, 0x200, 0x800, 0xa00, 0xa01, 0x1c00,
    ])
  })

  test('PAGE LENGTH is what follows the header', () => {
    for (const page of FIXED_MODE_PAGES) {
      const wire = page.encode({})
      const subpage = (wire[0]! & 0x40) !== 0
      expect(subpage ? wire.readUInt16BE(2) + 4 : wire[1]! + 2).toBe(wire.length)
    }
  })

  test('another page, or SPF where the page has no subpage: a WireError', () => {
    expect(() => CACHING.decode(CONTROL.encode({}))).toThrow(WireError)
    expect(() => CONTROL.decode(hex('4a 0a 00000000000000000000'))).toThrow('spf')
  })

  test('all pages and subpages with a block descriptor stay under 255 bytes, as MODE SENSE(6) needs', () => {
    const thresholds = encodeProvisioningThresholds({ situa: false, thresholds: [SOFT, SOFT] })
    const pages = [...FIXED_MODE_PAGES.map((page) => page.encode({})), thresholds]
    const header = { mediumType: 0, wp: false, dpoFua: true }
    const blockDescriptor = { blocks: 1n, blockLength: 512, longLba: false }
    expect(encodeModeParameters(6, { ...header, blockDescriptor }, pages).length).toBeLessThan(255)
  })
})

const SOFT = {
  enabled: true,
  thresholdType: THRESHOLD_TYPE_SOFT,
  thresholdArming: THRESHOLD_ARMING.INCREASING,
  thresholdResource: THRESHOLD_RESOURCE.USED,
  thresholdCount: 0x1234,
}

describe('Logical Block Provisioning (1Ch/02h)', () => {
  const codec = { encode: encodeProvisioningThresholds, decode: decodeProvisioningThresholds }
  const empty = 'dc 02 000c 01 0000000000000000000000'

  test('both ways, without and with threshold descriptors', () => {
    bothWays(codec, hex(empty), { ps: true, situa: true, thresholds: [] })
    const second = { ...SOFT, enabled: false, thresholdArming: 0, thresholdResource: 1, thresholdCount: 1 }
    bothWays(codec, hex('5c 02 001c 00 0000000000000000000000 81 02 0000 00001234 00 01 0000 00000001'), {
      ps: false,
      situa: false,
      thresholds: [SOFT, second],
    })
    expect(modePageCode(LOGICAL_BLOCK_PROVISIONING_PAGE)).toEqual({ pageCode: 0x1c, subpageCode: 2 })
  })

  test('part of a descriptor, or less than the page itself: a WireError', () => {
    expect(() => codec.decode(hex('5c 02 0010 00 0000000000000000000000 81020000'))).toThrow('bad length (16)')
    expect(() => codec.decode(hex('5c 02 0008 00 0000000000000000000000'))).toThrow('bad length (8)')
  })

  test('inverse, and only WireErrors', () => {
    onlyWireErrors(codec.decode, hex(`${empty} 81 02 0000 00001234`))
    const threshold = fc.record({
      enabled: fc.boolean(),
      thresholdType: fc.nat(7),
      thresholdArming: fc.nat(7),
      thresholdResource: fc.nat(255),
      thresholdCount: fc.nat(0x7fffffff),
    })
    identity(
      codec,
      fc.record({ ps: fc.boolean(), situa: fc.boolean(), thresholds: fc.array(threshold, { maxLength: 8 }) }),
    )
  })
})
