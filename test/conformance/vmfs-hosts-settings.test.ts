// The environment of the vmfs-hosts suite: a run of no time, or of none that there is, would pass.

import { expect, test } from 'vitest'
import { settings } from '../../conformance/vmfs-hosts/settings.ts'

test('by default three runs of 60 seconds', () => {
  expect(settings({})).toMatchObject({ seconds: 60, kinds: ['ats5', 'scsi6', 'ats-off5'], seed: expect.any(Number) })
})

test('what is asked for', () => {
  const asked = { LUNETTE_HOSTS_RUNS: 'ats6,scsi5', LUNETTE_HOSTS_SECONDS: '10', LUNETTE_HOSTS_SEED: '7' }
  expect(settings(asked)).toEqual({ seconds: 10, kinds: ['ats6', 'scsi5'], seed: 7 })
  expect(settings({ LUNETTE_HOSTS_RUNS: 'all' }).kinds).toHaveLength(6)
})

test.each([
  ['LUNETTE_HOSTS_RUNS', 'ats7', /there is no run ats7/],
  ['LUNETTE_HOSTS_SECONDS', 'long', /found "long"; allowed: a whole number from 1/],
  ['LUNETTE_HOSTS_SECONDS', '0', /found "0"/],
  ['LUNETTE_HOSTS_SECONDS', '', /found ""/],
  ['LUNETTE_HOSTS_SEED', '1.5', /found "1.5"; allowed: a whole number from 0/],
])('%s=%s is refused', (name, value, message) => {
  expect(() => settings({ [name]: value })).toThrow(message)
})
