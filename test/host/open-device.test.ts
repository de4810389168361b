// A VOLUME of the command line: a LUN of an array over loopback, or a local image.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OperatorError } from '../../src/errors.ts'
import { openDevice } from '../../src/host/open-device.ts'
import { arrayForTest, memory, SIZE } from '../target/array.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lunette-open-device-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('a URL: the LUN, called by its URL without the secret', async () => {
  const array = await arrayForTest([memory()])
  const device = await openDevice(`iscsi://me%topsecretvalue@127.0.0.1:${array.port}/${array.iqn}/0`)
  expect(device).toMatchObject({ size: SIZE, name: `iscsi://127.0.0.1:${array.port}/${array.iqn}/0` })
  await device.write(512, Buffer.alloc(512, 3))
  expect(await device.read(512, 512)).toEqual(Buffer.alloc(512, 3))
  await device.close()
})

test('a URL of no LUN: the session is ended, the reason told', async () => {
  const array = await arrayForTest([memory()])
  await expect(openDevice(`iscsi://127.0.0.1:${array.port}/${array.iqn}/7`)).rejects.toThrow('no logical unit there')
})

test('a path: the image, also for reading only', async () => {
  const path = join(folder, 'a.img')
  await writeFile(path, Buffer.alloc(1024))
  const device = await openDevice(path, { readOnly: true })
  expect(device).toMatchObject({ name: path, size: 1024 })
  await expect(device.write(0, Buffer.alloc(512))).rejects.toThrow(OperatorError)
  await device.close()
})

describe('what is neither', () => {
  test.each([
    ['iscsi://host', 'is not of the form'],
    ['iscsi:nothing', 'is not of the form'],
    ['http://host/disk.img', 'is no volume: name iscsi://'],
    ['nothing.img', 'there is no such file'],
  ])('%s', async (volume, message) => {
    const error = await openDevice(volume).catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(OperatorError)
    expect((error as Error).message).toMatch(message)
  })
})
