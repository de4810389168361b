// The configuration as it is documented, in documented.yaml: every key there is, with its default. What is written out and
// what is left out mean the same.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { toYaml } from '../../src/config/print.ts'
import type { ArrayConfig } from '../../src/config/schema.ts'

const DOCUMENTED = fileURLToPath(new URL('documented.yaml', import.meta.url))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lunette-documented-'))
  return () => rm(folder, { recursive: true })
})

async function loaded(text: string): Promise<ArrayConfig> {
  const file = join(folder, 'a.yaml')
  await writeFile(file, text)
  return loadConfig(file)
}

type Mapping = Record<string, unknown>

/** Every key path of a document; of a list the first item's. */
function keysOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return keysOf(value[0], path)
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([key, child]) => keysOf(child, path ? `${path}.${key}` : key))
}

test('its values are the defaults', async () => {
  expect({ ...(await loadConfig(DOCUMENTED)), data: join(folder, 'lunette-data') }).toEqual(await loaded('{}'))
})

test('it has every key: what is printed of the defaults has no other, and loads again to the same', async () => {
  const printed = toYaml(await loaded('{}'))
  expect(keysOf(parse(printed)).sort()).toEqual(keysOf(parse(await readFile(DOCUMENTED, 'utf8'))).sort())
  expect(await loaded(printed)).toEqual(await loaded('{}'))
})

test('each key may be left out, and each misspelt one is told with its line', async () => {
  const text = await readFile(DOCUMENTED, 'utf8')
  const whole = { ...(await loadConfig(DOCUMENTED)), data: join(folder, 'lunette-data') }
  for (const path of keysOf(parse(text))) {
    const without = parse(text) as Mapping
    const steps = path.split('.')
    const last = steps.pop() as string
    let place = without
    for (const step of steps) {
      const child = place[step] as Mapping | Mapping[]
      place = Array.isArray(child) ? (child[0] as Mapping) : child
    }
    const value = place[last]
    delete place[last]
    expect(await loaded(stringify(without)), path).toEqual(whole)
    place[`${last}x`] = value
    await expect(loaded(stringify(without)), path).rejects.toThrow(
      new RegExp(`^\\S+/a\\.yaml:\\d+:\\d+: \\S*\\.?${last}x: unknown key, did you mean `),
    )
  }
})
