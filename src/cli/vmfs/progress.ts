// How far something long has got: on a terminal one line that is drawn again with rate and time left, elsewhere one line for
// each step as it ends. It goes to standard error: standard output may be a file's content.

import type { Terminal } from '../command.ts'

const REDRAW_MS = 200
/** Before that a rate is noise. */
const RATE_AFTER_MS = 1_000
const ERASE_LINE = '\r\u001b[K'

interface Count {
  readonly done: number
  /** Unknown while it is not given. */
  readonly total?: number | undefined
}

/** How much of what is counted is said: formatBytes, or a number of things. */
type Unit = (amount: number) => string

export interface Progress {
  /** Where the step is; draws at most a few times in a second. */
  update(count: Count): void
  /** The step is over: `what` it was, with what it has counted. */
  step(what: string): void
  /** Leaves the terminal's line clean; also after a failure. */
  end(): void
}

export function startProgress(
  title: string,
  unit: Unit,
  { stderr }: Pick<Terminal, 'stderr'>,
  now = () => performance.now(),
): Progress {
  const terminal = stderr.isTTY === true
  let startedMs = now()
  let drawnMs = Number.NEGATIVE_INFINITY
  let drawn = false
  const clear = () => {
    if (drawn) stderr.write(ERASE_LINE)
    drawn = false
  }
  return {
    update(count) {
      const nowMs = now()
      if (!terminal || nowMs - drawnMs < REDRAW_MS) return
      drawnMs = nowMs
      drawn = true
      const line = progressLine(title, unit, count, nowMs - startedMs)
      stderr.write(`${ERASE_LINE}${line.slice(0, (stderr.columns ?? 80) - 1)}`)
    },
    step(what) {
      clear()
      stderr.write(`${title}: ${what}, ${formatSeconds(now() - startedMs)}\n`)
      startedMs = now()
      drawnMs = Number.NEGATIVE_INFINITY
    },
    end: clear,
  }
}

export function progressLine(title: string, unit: Unit, { done, total }: Count, elapsedMs: number): string {
  const rate = elapsedMs >= RATE_AFTER_MS ? (done * 1000) / elapsedMs : undefined
  const speed = rate === undefined ? [] : [`${unit(rate)}/s`]
  if (total === undefined || total === 0) return [`${title}: ${unit(done)}`, ...speed].join(', ')
  const left = rate === undefined || rate === 0 ? [] : [`${formatSeconds(((total - done) * 1000) / rate)} left`]
  const percent = Math.floor((100 * Math.min(done, total)) / total)
  return [`${title}: ${percent}% of ${unit(total)}`, ...speed, ...left].join(', ')
}

/** Three digits at most: 512 B, 1.5 KiB, 300 MiB. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : value >= 10 ? 1 : 2
  return `${value.toFixed(digits)} ${units[unit]}`
}

/** "1 file", "10,000 files". */
export const counted = (noun: string) => (amount: number) =>
  `${Math.floor(amount).toLocaleString('en')} ${noun}${Math.floor(amount) === 1 ? '' : 's'}`

function formatSeconds(ms: number): string {
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
