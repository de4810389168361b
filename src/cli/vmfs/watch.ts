// Tables that are shown once, or with --watch again each second until the command is interrupted.

import { setTimeout as delay } from 'node:timers/promises'
import type { Terminal } from '../command.ts'
import { type Column, formatTable } from '../table.ts'

export const WATCH_OPTIONS = {
  watch: { type: 'boolean', default: false, describe: 'Show it again each second, until SIGINT or SIGTERM' },
  json: {
    type: 'boolean',
    default: false,
    describe: 'Print one line of JSON each time, offsets in bytes of the volume',
  },
} as const

interface WatchArgs {
  readonly watch: boolean
  readonly json: boolean
}

const INTERVAL_MS = 1000
const SIGNALS = ['SIGINT', 'SIGTERM'] as const

export async function showTable<Row>(
  { watch, json }: WatchArgs,
  terminal: Terminal,
  columns: readonly Column<Row>[],
  read: () => Promise<readonly Row[]>,
): Promise<void> {
  const show = async () => {
    const rows = await read()
    terminal.stdout.write(json ? `${JSON.stringify(rows)}\n` : `${formatTable(columns, rows).join('\n')}\n`)
  }
  if (!watch) return await show()
  const controller = new AbortController()
  const stop = () => controller.abort()
  // A disk that does not answer is not waited for.
  const aborted = new Promise<void>((resolve) =>
    controller.signal.addEventListener('abort', () => resolve(), { once: true }),
  )
  for (const signal of SIGNALS) process.once(signal, stop)
  try {
    while (!controller.signal.aborted) {
      await Promise.race([show(), aborted])
      await delay(INTERVAL_MS, undefined, { signal: controller.signal }).catch(() => {})
      if (!json && !controller.signal.aborted) terminal.stdout.write('\n')
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop)
  }
}
