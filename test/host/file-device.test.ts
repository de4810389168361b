import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OperatorError } from '../../src/errors.ts'
import { createFileDevice, openFileDevice } from '../../src/host/file-device.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lunette-file-device-'))
})
afterAll(() => rm(folder, { recursive: true }))

const path = (name: string) => join(folder, name)
async function image(name: string, size = 4096): Promise<string> {
  await writeFile(path(name), Buffer.alloc(size, 7))
  return path(name)
}

test('what is written is in the file, and comes back', async () => {
  const device = await openFileDevice(await image('a.img'))
  expect(device).toMatchObject({ name: path('a.img'), size: 4096, blockBytes: 512 })
  await device.write(512, Buffer.alloc(1024, 1))
  await device.flush()
  expect(await device.read(0, 2048)).toEqual(
    Buffer.concat([Buffer.alloc(512, 7), Buffer.alloc(1024, 1), Buffer.alloc(512, 7)]),
  )
  await device.close()
})

test('a new image is sparse, and is not made twice', async () => {
  const device = await createFileDevice(path('new.img'), 2 ** 30)
  await device.write(2 ** 30 - 512, Buffer.alloc(512, 1))
  await device.close()
  expect(await stat(path('new.img'))).toMatchObject({ size: 2 ** 30 })
  expect((await stat(path('new.img'))).blocks).toBeLessThan(2048)
  await expect(createFileDevice(path('new.img'), 2 ** 30)).rejects.toThrow('already')
  await expect(createFileDevice(path('odd.img'), 1000)).rejects.toThrow('a positive multiple of 512 bytes, not 1000')
  await expect(createFileDevice(join(folder, 'none', 'new.img'), 512)).rejects.toThrow(OperatorError)
})

test('the end of a file that is no whole block is not used', async () => {
  const device = await openFileDevice(await image('odd.img', 1300))
  expect(device.size).toBe(1024)
  await device.close()
})

test.each([
  ['past the end', 4096, 512],
  ['across the end', 3584, 1024],
  ['before the start', -512, 512],
  ['between blocks', 5, 512],
  ['of a part of a block', 0, 5],
  ['at no number', Number.NaN, 512],
])('a read or a write %s is refused', async (_, offset, length) => {
  const device = await openFileDevice(await image('range.img'))
  await expect(device.read(offset, length)).rejects.toThrow(RangeError)
  await expect(device.write(offset, Buffer.alloc(length))).rejects.toThrow(RangeError)
  await device.close()
})

test('read-only: reads go on beside each other, writes are refused', async () => {
  const options = { readOnly: true }
  const [a, b] = [await openFileDevice(await image('ro.img'), options), await openFileDevice(path('ro.img'), options)]
  expect(await a.read(0, 512)).toEqual(await b.read(0, 512))
  await expect(a.write(0, Buffer.alloc(512))).rejects.toThrow('was opened for reading only')
  await a.flush()
  await Promise.all([a.close(), b.close()])
})

test('one writer at a time, until it is closed', async () => {
  const device = await openFileDevice(await image('locked.img'))
  await expect(openFileDevice(path('locked.img'))).rejects.toThrow('in use by another program')
  await expect(openFileDevice(path('locked.img'), { readOnly: true })).rejects.toThrow('in use by another program')
  await device.close()
  await (await openFileDevice(path('locked.img'))).close()
})

test('a file that shrinks while it is open is an error, not a hang', async () => {
  const device = await openFileDevice(await image('shrinks.img'))
  await truncate(path('shrinks.img'), 1024)
  await expect(device.read(512, 1024)).rejects.toThrow('was cut short at byte 1024')
  await device.close()
})

describe('what is no image', () => {
  test.each([
    ['a path that leads nowhere', () => path('none'), 'there is no such file'],
    ['a directory', () => folder, 'it is a directory'],
    ['an empty file', () => image('empty.img', 0), 'is empty'],
    ['a character device', () => '/dev/null', 'is no file'],
  ])('%s', async (_, make, message) => {
    const error = await openFileDevice(await make()).catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(OperatorError)
    expect((error as Error).message).toMatch(message)
  })

  test('a pipe, without waiting for its other end', async () => {
    execFileSync('mkfifo', [path('pipe')])
    await expect(openFileDevice(path('pipe'))).rejects.toThrow('is no file')
    await expect(openFileDevice(path('pipe'), { readOnly: true })).rejects.toThrow('is no file')
  })
})
