// The table of the micro benchmark: one line an operation, compared with the first of its group.

import { type Column, formatTable } from '../src/cli/table.ts'

export interface Timing {
  readonly group: string
  readonly name: string
  /** The mean. */
  readonly nanoseconds: number
  /** Relative margin of error of the mean, at 95 % confidence. */
  readonly marginPercent: number
}

export function timingTable(timings: readonly Timing[]): string[] {
  const right = true
  const columns: Column<Timing>[] = [
    { title: 'operation', value: ({ group, name }) => `${group}: ${name}` },
    { title: 'ns/op', right, value: ({ nanoseconds }) => nanoseconds.toFixed(nanoseconds < 100 ? 1 : 0) },
    { title: '+- %', right, value: ({ marginPercent }) => marginPercent.toFixed(1) },
    { title: 'speed', right, value: (timing) => speed(timing, timings) },
  ]
  return formatTable(columns, timings)
}

/** How many times as fast as the first of the group; nothing for the first. */
function speed({ group, name, nanoseconds }: Timing, timings: readonly Timing[]): string {
  const first = timings.find((timing) => timing.group === group) as Timing
  return first.name === name ? '' : `${(first.nanoseconds / nanoseconds).toFixed(2)} x`
}
