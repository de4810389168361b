// Columns that line up: text to the left, numbers to the right, two spaces between.

export interface Column<Row> {
  readonly title: string
  readonly right?: boolean
  value(row: Row): string | number
}

/** One line for the titles, one for each row; nothing at the end of a line. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map((c) => String(c.value(row))))]
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)))
  const pad = (text: string, i: number) =>
    columns[i]?.right ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)
  return cells.map((line) => line.map(pad).join('  ').trimEnd())
}
