// The word that someone meant: the nearest of those that exist, if it is near at all.

/** The candidate within a third of its length in edits (insert, delete, replace, swap neighbours), the nearest first. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let bestEdits = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const edits = distance(word.toLowerCase().slice(0, 64), candidate.toLowerCase())
    if (edits < bestEdits && edits <= Math.max(1, Math.floor(candidate.length / 3))) {
      best = candidate
      bestEdits = edits
    }
  }
  return best
}

/** Optimal string alignment distance. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replace = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? beforeLast[j - 2]! + 1 : replace
      row[j] = Math.min(replace, swap, last[j]! + 1, row[j - 1]! + 1)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
