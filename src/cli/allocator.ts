// Memory that the process has freed goes back to the system. glibc keeps it in its heap, between small blocks that stay: 1,000
// sessions that come and go leave the process 5 to 17 MiB larger each time, all of it free [M]. Giving it back takes 1 to 2 ms.

import { createRequire } from 'node:module'

const EVERY_MS = 10_000

/** Now and then, as long as the process runs. Undefined: there is no koffi, which is optional, or another libc. */
export function giveBackFreedMemory(env: NodeJS.ProcessEnv = process.env): NodeJS.Timeout | undefined {
  const trim = loadTrim(env)
  return trim && setInterval(trim, EVERY_MS, 0).unref()
}

/** malloc_trim(3): how much to leave at the end of the heap; 1 when anything has been given back. */
function loadTrim(env: NodeJS.ProcessEnv): ((bytes: number) => number) | undefined {
  if (process.platform !== 'linux' || env.LUNETTE_NO_KOFFI === '1') return undefined
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    return koffi.load(null).func('malloc_trim', 'int', ['size_t']) as (bytes: number) => number
  } catch {
    return undefined // no koffi, no prebuilt one for this libc, or a libc without the call
  }
}
