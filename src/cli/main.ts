#!/usr/bin/env node
// The lunette binary. It ends when nothing is left to do; what still holds the process a moment later is cut off.

import { createRequire } from 'node:module'
import { hideBin } from 'yargs/helpers'
import { run } from './program.ts'
import { LUNETTE } from './registry.ts'

/** Whoever reads our output may stop at any time: that is no failure of ours. */
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })

const { version } = createRequire(import.meta.url)('lunette/package.json') as { version: string }
const { stdout, stderr, env } = process
process.exitCode = await run(LUNETTE, hideBin(process.argv), {
  ...{ stdout, stderr, env, version },
  // Whoever does not ask for it does not open it.
  get stdin() {
    return process.stdin
  },
})
setTimeout(() => process.exit(), 100).unref()
