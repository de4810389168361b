// After a run: the hosts close the volume, one that comes after them waits until the dead are buried, compares all that the workers have
// made with their models, and removes it.

import { setTimeout as delay } from 'node:timers/promises'
import type { Judge } from './judge.ts'
import { difference, type SharedFile } from './model.ts'
import type { Story } from './story.ts'
import type { Worker } from './worker.ts'

export interface EndOptions {
  readonly workers: readonly Worker[]
  readonly sharedFiles: readonly SharedFile[]
  readonly judge: Judge
  readonly story: Story
}

/** A host that has died is seen as dead after 16 s, by one after the other at worst. */
const BURIED_MS = 45_000

export async function takeDown(options: EndOptions): Promise<void> {
  const { workers, story } = options
  await Promise.all(
    workers.map(async (worker) => {
      await worker
        .close()
        .catch((error: Error) => story.wrong('end', `worker ${worker.index} does not close: ${error.message}`))
    }),
  )
  const [last] = workers as [Worker]
  await last.open()
  await untilBuried(options, last)
  await compareAll(options, last)
  await removeAll(options, last)
  await last.close()
}

async function untilBuried({ judge, story }: EndOptions, last: Worker): Promise<void> {
  const others = () => judge.living().filter(({ host }) => host !== last.host)
  const started = performance.now()
  while (others().length > 0 && performance.now() - started < BURIED_MS) await delay(200)
  story.count('seconds until all were buried', Math.round((performance.now() - started) / 1000))
  const left = others()
  if (left.length > 0)
    story.wrong('end', `${left.length} hosts that have died are not buried: ${left.map(({ host }) => host)}`)
}

async function compareAll({ workers, sharedFiles, story }: EndOptions, last: Worker): Promise<void> {
  const wanted = new Set<string>()
  for (const { model, index } of workers)
    for (const [path, entry] of model.entries) {
      wanted.add(path)
      story.count('paths compared')
      const wrong = difference(entry, (await last.ask({ kind: 'look', path })).seen!)
      if (wrong !== undefined) story.wrong('model', `${path} of worker ${index} ${wrong}`)
    }
  for (const file of sharedFiles) {
    const wrong = file.judge((await last.ask({ kind: 'look', path: file.path })).seen!)
    if (wrong !== undefined) story.wrong('model', `${file.path} ${wrong}`)
    wanted.add(file.path)
  }
  for (const path of await below(last, '/hosts'))
    if (!wanted.has(path) && path !== '/hosts/common') story.wrong('model', `${path} is there, and nobody has made it`)
}

async function removeAll({ story }: EndOptions, last: Worker): Promise<void> {
  const paths = ['/hosts', ...(await below(last, '/hosts'))]
  for (const path of paths.reverse()) {
    const { seen } = await last.ask({ kind: 'look', path })
    await last
      .ask({ kind: seen?.kind === 'directory' ? 'removeDirectory' : 'remove', path })
      .catch((error: Error) => story.wrong('end', `${path} cannot be removed: ${error.message}`))
  }
}

/** Each directory before what is in it. */
async function below(last: Worker, directory: string): Promise<string[]> {
  const { names = [] } = await last.ask({ kind: 'list', path: directory })
  const paths: string[] = []
  for (const name of names) {
    const path = `${directory}/${name}`
    paths.push(path)
    const { seen } = await last.ask({ kind: 'look', path })
    if (seen?.kind === 'directory') paths.push(...(await below(last, path)))
  }
  return paths
}
