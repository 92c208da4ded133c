// Where a share group begins in a partition that it has no offset of: `share.auto.offset.reset`.

/** 'byDuration': the first record of the last `durationMs` milliseconds. */
export type AutoOffsetReset = { readonly strategy: 'earliest' | 'latest' } | { readonly strategy: 'byDuration'; readonly durationMs: number }

const BY_DURATION = 'by_duration:'
/** As Java's Duration reads it: days, hours, minutes and seconds, each with a sign of its own. */
const DURATION = /^P(?=[\dT+-])(?:([+-]?\d+)D)?(?:T(?=[\d+-])(?:([+-]?\d+)H)?(?:([+-]?\d+)M)?(?:([+-]?\d+(?:[.,]\d{0,9})?)S)?)?$/i
const UNITS_MS = [86_400_000, 3_600_000, 60_000, 1_000]

/** Undefined for a text that is none of them. */
export function parseAutoOffsetReset(text: string): AutoOffsetReset | undefined {
  if (text === 'earliest' || text === 'latest') return { strategy: text }
  if (!text.startsWith(BY_DURATION)) return undefined
  const parts = DURATION.exec(text.slice(BY_DURATION.length))?.slice(1)
  if (parts === undefined) return undefined
  const durationMs = parts.reduce((sum, part, index) => sum + Number((part ?? '0').replace(',', '.')) * (UNITS_MS[index] ?? 0), 0)
  return durationMs < 0 ? undefined : { strategy: 'byDuration', durationMs }
}
