// From the rates of all rounds to the table: medians, ratios, and what the ratios shall be.

import { type Column, formatTable } from '../src/cli/table.ts'
import { median } from './statistics.ts'
import type { Workload } from './workloads.ts'

/** Requests per second in each round, by responder. */
export interface Rates {
  readonly tgt: readonly number[]
  readonly lunette: readonly number[]
  /** Empty where none was given, and for writes: a ceiling only reads. */
  readonly ceiling: readonly number[]
}

export interface Summary {
  readonly workload: Workload
  readonly rates: Rates
  /** Medians. */
  readonly tgt: number
  readonly lunette: number
  readonly ceiling: number | undefined
  /** Of the medians. */
  readonly ratio: number
  /** The lowest and the highest ratio of a round. */
  readonly ratioRange: readonly [number, number]
  readonly ofCeiling: number | undefined
}

export function summarize(workload: Workload, rates: Rates): Summary {
  const [tgt, lunette] = [median(rates.tgt), median(rates.lunette)]
  const ceiling = rates.ceiling.length === 0 ? undefined : median(rates.ceiling)
  const ratios = rates.lunette.map((rate, round) => rate / (rates.tgt[round] as number))
  return {
    workload,
    rates,
    tgt,
    lunette,
    ceiling,
    ratio: lunette / tgt,
    ratioRange: [Math.min(...ratios), Math.max(...ratios)],
    ofCeiling: ceiling === undefined ? undefined : lunette / ceiling,
  }
}

/** One line a workload. Columns of a ceiling only where there was one. */
export function summaryTable(summaries: readonly Summary[]): string[] {
  const right = true
  const columns: Column<Summary>[] = [
    { title: 'workload', value: ({ workload }) => workload.name },
    { title: 'tgt', right, value: ({ workload, tgt }) => formatRate(workload, tgt) },
    { title: 'Lunette', right, value: ({ workload, lunette }) => formatRate(workload, lunette) },
    { title: 'ratio', right, value: ({ ratio }) => ratio.toFixed(2) },
    { title: 'by round', right, value: ({ ratioRange }) => ratioRange.map((each) => each.toFixed(2)).join('-') },
    { title: 'at least', right, value: ({ workload }) => workload.atLeast?.toFixed(2) ?? '-' },
    { title: 'target', right, value: ({ workload }) => workload.target?.toFixed(2) ?? '-' },
  ]
  const withCeiling: Column<Summary>[] = [
    {
      title: 'ceiling',
      right,
      value: ({ workload, ceiling }) => (ceiling === undefined ? '-' : formatRate(workload, ceiling)),
    },
    { title: 'share', right, value: ({ ofCeiling }) => ofCeiling?.toFixed(2) ?? '-' },
    { title: 'target', right, value: ({ workload }) => workload.ofCeiling?.toFixed(2) ?? '-' },
  ]
  const any = summaries.some(({ ceiling }) => ceiling !== undefined)
  return formatTable(any ? [...columns, ...withCeiling] : columns, summaries)
}

/** Small requests are counted, large ones weighed. */
export function formatRate({ length }: Workload, perSecond: number): string {
  if (length < 64 * 1024) return `${(perSecond / 1e3).toFixed(1)} k/s`
  return `${((perSecond * length) / 1e9).toFixed(2)} GB/s`
}

/** One sentence for each ratio that is lower than it must be. */
export function shortfalls(summaries: readonly Summary[]): string[] {
  return summaries.flatMap(({ workload: { name, atLeast }, ratio }) =>
    atLeast !== undefined && ratio < atLeast
      ? [`${name}: ${ratio.toFixed(2)} times tgt, at least ${atLeast.toFixed(2)} expected`]
      : [],
  )
}
