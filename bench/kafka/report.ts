// The measurements as a table for people, JSON for programs, and a chart of the ratios.

import type { BrokerKind } from './brokers.ts'
import type { Row, Target } from './rows.ts'

export type Measured = { readonly row: Row; readonly samples: Readonly<Record<BrokerKind, readonly number[]>> }

export type Verdict = 'met' | 'missed' | 'not measured'

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

export function verdict({ row, samples }: Measured): Verdict {
  const ours = median(samples.millrace)
  const ratio = ours / median(samples.kafka)
  const { target } = row
  const reached = 'atMost' in target ? ours <= target.atMost : 'atLeast' in target ? ours >= target.atLeast : 'ratioAtLeast' in target ? ratio >= target.ratioAtLeast : ratio <= target.ratioAtMost
  const needsKafka = 'ratioAtLeast' in target || 'ratioAtMost' in target
  if (Number.isNaN(ours) || (needsKafka && Number.isNaN(ratio))) return 'not measured'
  return reached ? 'met' : 'missed'
}

export function table(measured: readonly Measured[]): string {
  const lines = measured.map((each) => {
    const [kafka, ours] = [median(each.samples.kafka), median(each.samples.millrace)]
    return [each.row.title, each.row.unit, number(kafka), number(ours), Number.isNaN(ours / kafka) ? '-' : `${number(ours / kafka)}x`, targetText(each.row.target), verdict(each)]
  })
  const all = [['', 'unit', 'Kafka', 'Millrace', 'ratio', 'target', ''], ...lines]
  const widths = all[0]?.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0))) ?? []
  return all.map((line) => line.map((cell, column) => (column < 2 || column > 4 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ').trimEnd()).join('\n')
}

export function targetText(target: Target): string {
  if ('atMost' in target) return `<= ${number(target.atMost)}`
  if ('atLeast' in target) return `>= ${number(target.atLeast)}`
  return 'ratioAtLeast' in target ? `>= ${number(target.ratioAtLeast)}x` : `<= ${number(target.ratioAtMost)}x`
}

function number(value: number): string {
  if (Number.isNaN(value)) return '-'
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** How many times better Millrace is, one bar per row, on a logarithmic scale. */
export function chart(measured: readonly Measured[]): string {
  const bars = measured.flatMap(({ row, samples }) => {
    const ratio = median(samples.millrace) / median(samples.kafka)
    if (!(ratio > 0)) return []
    const higherIsBetter = ['MB/s', '/s', 'MB/CPU-s', '/CPU-s'].includes(row.unit)
    return [{ title: row.title, better: higherIsBetter ? ratio : 1 / ratio }]
  })
  const [left, width, step] = [430, 420, 24]
  const most = Math.max(10, ...bars.map(({ better }) => better))
  const x = (value: number): number => left + (width * Math.log10(Math.max(value, 0.1) * 10)) / Math.log10(most * 10)
  const lines = bars.map(({ title, better }, index) => {
    const y = 40 + index * step
    const [from, to] = [Math.min(x(1), x(better)), Math.max(x(1), x(better))]
    return `<text x="${left - 12}" y="${y + 13}" text-anchor="end">${title}</text><rect x="${from}" y="${y}" width="${Math.max(1, to - from)}" height="16" fill="${better >= 1 ? '#2a7f62' : '#b3432b'}"/><text x="${to + 6}" y="${y + 13}">${number(better)}x</text>`
  })
  const height = 60 + bars.length * step
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + width + 90}" height="${height}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/><text x="${left}" y="20" font-weight="bold">times better than Apache Kafka (log scale, line = equal)</text>${lines.join('')}<line x1="${x(1)}" y1="30" x2="${x(1)}" y2="${height - 10}" stroke="#444"/></svg>\n`
}
