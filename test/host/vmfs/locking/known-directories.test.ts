// A host remembers what it has read of a directory for as long as the directory's lock says that nobody has changed it.

import { describe, expect, test } from 'vitest'
import type { SeenCommand } from '../../../../src/index.ts'
import { bytes, sharedVolume } from './shared-volume.ts'

describe.each([5, 6] as const)('VMFS%i', (version) => {
  test('what another host makes, moves and removes is seen at once', async () => {
    const shared = await sharedVolume(version)
    const [reader, writer] = [await shared.host(), await shared.host()]
    const read = async (path: string) => {
      const file = await reader.volume.openFile(path, 'readOnly')
      const data = await file.read(0, 100)
      await file.close()
      return data.toString()
    }
    await writer.volume.makeDirectory('/dir')
    for (let round = 0; round < 5; round++) {
      const [from, to] = [`/dir/from-${round}`, `/dir/to-${round}`]
      await expect(read(from)).rejects.toMatchObject({ problem: 'no such file' })
      await writer.volume.putFile(from, bytes(from))
      expect(await read(from)).toBe(from)
      await writer.volume.rename(from, to)
      await expect(read(from)).rejects.toMatchObject({ problem: 'no such file' })
      expect(await read(to)).toBe(from)
      await writer.volume.removeFile(to)
      await expect(read(to)).rejects.toMatchObject({ problem: 'no such file' })
    }
    await Promise.all([reader.volume.close(), writer.volume.close()])
    expect(await shared.findings()).toEqual([])
  }, 60_000)

  test('what a host has changed itself it sees at once, and what nobody has changed it does not read again', async () => {
    let reads = 0
    const injector = ({ command }: SeenCommand) => {
      if (command.startsWith('READ')) reads++
      return undefined
    }
    const shared = await sharedVolume(version, { options: { injector } })
    const { volume } = await shared.host()
    const readsOf = async (path: string) => {
      reads = 0
      await volume.reference(path)
      return reads
    }
    await volume.putFile('/one', bytes('one'))
    const first = await readsOf('/one')
    // The descriptors of the root and of the file alone.
    expect(await readsOf('/one')).toBe(2)
    expect(first).toBeGreaterThan(2)
    await volume.putFile('/two', bytes('two'))
    expect(await readsOf('/two')).toBeGreaterThan(2)
    await volume.removeFile('/one')
    await expect(volume.reference('/one')).rejects.toMatchObject({ problem: 'no such file' })
    await volume.close()
  }, 60_000)
})
