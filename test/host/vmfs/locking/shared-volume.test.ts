// Several hosts with one volume open at once, over a real array: what they make is all there, and what dies is cleared away.

import { describe, expect, test } from 'vitest'
import { bytes, type Host, sharedVolume } from './shared-volume.ts'

const HOSTS = 4
const FILES = 8

async function make(host: Host, name: string, files: number): Promise<void> {
  for (let file = 0; file < files; file++) await host.volume.putFile(`/${name}-${file}`, bytes(`${name} ${file}`))
}

const namesOf = (hosts: number, files: number) =>
  Array.from({ length: hosts * files }, (_, at) => `host${Math.floor(at / files)}-${at % files}`).sort()

describe.each([5, 6] as const)('VMFS%i', (version) => {
  test('hosts that make files in one directory at once: all of them are there, and no RESERVE was sent', async () => {
    const shared = await sharedVolume(version)
    const hosts = await Promise.all(Array.from({ length: HOSTS }, () => shared.host()))
    await Promise.all(hosts.map((host, index) => make(host, `host${index}`, FILES)))
    await Promise.all(hosts.map(({ volume }) => volume.close()))
    expect(await shared.names()).toEqual(namesOf(HOSTS, FILES))
    expect(await shared.findings()).toEqual([])
    expect(Object.keys(shared.commands())).not.toContain('RESERVE(6)')
    expect(hosts.flatMap(({ events }) => events)).toEqual([])
  }, 120_000)
})
