// The UUID of a run: told from others, and known to be over when its process is.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { isEndedProcess, makeHostUuid } from '../../../src/host/vmfs/host-identity.ts'
import { encodeUuid } from '../../../src/host/vmfs/structures/uuid.ts'

const kernelIsKnown = existsSync('/proc/self/ns/pid') && existsSync('/proc/sys/kernel/random/boot_id')

/** `uuid` as a process with this id of the same kernel would have made it. */
const ofProcess = (uuid: string, id: number) => uuid.replace(/-[0-9a-f]{8}-/, `-${id.toString(16).padStart(8, '0')}-`)

describe('the UUID of a host', () => {
  test('those of one process differ, and are UUIDs', () => {
    const uuids = new Set(Array.from({ length: 16 }, makeHostUuid))
    expect(uuids.size).toBe(16)
    for (const uuid of uuids) expect(encodeUuid(uuid)).toHaveLength(16)
  })

  test('a process that lives has not ended', () => {
    expect(isEndedProcess(makeHostUuid())).toBe(false)
  })

  test.runIf(kernelIsKnown)('a process of this kernel that is gone has ended', () => {
    const { pid } = spawnSync(process.execPath, ['--version'])
    expect(isEndedProcess(ofProcess(makeHostUuid(), pid))).toBe(true)
  })

  test('of a host elsewhere nothing is known, whatever its process id', () => {
    const { pid } = spawnSync(process.execPath, ['--version'])
    const elsewhere = ofProcess(makeHostUuid(), pid).replace(/[0-9a-f]{12}$/, '0250569a1b2c')
    expect(isEndedProcess(elsewhere)).toBe(false)
  })
})
