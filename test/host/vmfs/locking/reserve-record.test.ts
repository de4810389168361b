// The record that tells of a host that locks by ATS alone, and reserves all the same: it must see one.

import { expect, test } from 'vitest'
import { ReserveRecord } from './reserve-record.ts'
import { WireVolume } from './wire.ts'

test.each([
  ['ATS-only', 1],
  ['ATS+SCSI', 0],
] as const)(
  'a RESERVE of a host that has a heartbeat in %s',
  async (mode, violations) => {
    const record = new ReserveRecord()
    const volume = await WireVolume.open({}, record)
    try {
      const { device, engine } = await volume.host({ mode })
      expect(record.violations).toEqual([])
      await device.reserve()
      await device.release()
      expect(record.violations.splice(0)).toHaveLength(violations)
      expect(await engine.stop()).toBe(true)
      await device.reserve()
      expect(record.violations).toEqual([])
    } finally {
      await volume.array.close()
    }
  },
  60_000,
)
