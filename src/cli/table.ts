// Columns for people: as wide as their widest cell, numbers to the right.

export type Cell = string | number | null

/** Lines of a table; null shows as "-", as Kafka's tools show what is not known. */
export function formatTable(columns: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const numeric = columns.map((_, index) => rows.length > 0 && rows.every(row => typeof row[index] === 'number' || row[index] === null))
  const cells = [columns, ...rows.map(row => row.map(cell => (cell === null ? '-' : printable(String(cell)))))]
  const widths = columns.map((_, index) => Math.max(...cells.map(row => row[index]!.length)))
  return cells.map(row =>
    row.map((cell, index) => (numeric[index] ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!))).join('  ').trimEnd())
}

/** Names and metadata come from others: control characters must not steer the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** A size as people say it: 12 B, 3.4 KiB. */
export function formatBytes(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  const power = sizeBytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(sizeBytes) / 10))
  return power === 0 ? `${sizeBytes} B` : `${(sizeBytes / 2 ** (10 * power)).toFixed(1)} ${units[power]}`
}

/** A time as ISO 8601 in UTC, to the millisecond. */
export function formatTimestamp(timestampMs: number | null): string | null {
  return timestampMs === null || timestampMs < 0 ? null : new Date(timestampMs).toISOString()
}
