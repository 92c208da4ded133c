// Two brokers become more alike when one gives something and takes something lighter back.

export type Weighted<T> = { readonly item: T; readonly weight: number }
export type Exchange<T> = { readonly give: T; readonly take: T | null }

export type Gap = {
  /** How much more the one has than the other. */
  readonly size: number
  /** It is small enough from here on. */
  readonly until: number
  /** Below this a change is not worth its while. */
  readonly changeMin: number
  /** How many more pieces the one has: then nothing need be taken back. */
  readonly countDifference: number
}

/** Shares of the gap that an exchange had better close, the wider range where nothing closes it well. Within both it shrinks for sure. */
const RANGES = [
  { least: 0.25, most: 0.75 },
  { least: 0.1, most: 0.9 },
] as const

/** Exchanges that close the gap, each of those that close enough of it the one that moves least. Both lists are in order of weight. */
export function chooseExchanges<T>(giving: readonly Weighted<T>[], taking: readonly Weighted<T>[], gap: Gap): Exchange<T>[] {
  const [give, take] = [[...giving], [...taking]]
  const exchanges: Exchange<T>[] = []
  let { size, countDifference } = gap
  while (size > gap.until) {
    const best = within(give, take, size, countDifference > 0) ?? largest(give, take, size, countDifference > 0)
    if (best === null) break
    const given = give.splice(best.give, 1)[0] as Weighted<T>
    const taken = best.take === null ? null : (take.splice(best.take, 1)[0] as Weighted<T>)
    const change = given.weight - (taken?.weight ?? 0)
    if (change < gap.changeMin) break
    exchanges.push({ give: given.item, take: taken?.item ?? null })
    size -= 2 * change
    if (taken === null) countDifference -= 2
  }
  return exchanges
}

type Places = { give: number; take: number | null }

function within<T>(giving: readonly Weighted<T>[], taking: readonly Weighted<T>[], size: number, alone: boolean): Places | null {
  for (const { least, most } of RANGES) {
    for (let give = firstAtLeast(giving, size * least); give < giving.length; give++) {
      const weight = giving[give]?.weight ?? 0
      if (alone && weight <= size * most) return { give, take: null }
      const take = firstAtLeast(taking, weight - size * most)
      const partner = taking[take]
      if (partner !== undefined && weight - partner.weight >= size * least) return { give, take }
    }
  }
  return null
}

/** The exchange that changes most, where none changes too much. */
function largest<T>(giving: readonly Weighted<T>[], taking: readonly Weighted<T>[], size: number, alone: boolean): Places | null {
  const heaviest = giving.at(-1)
  if (heaviest === undefined || (!alone && taking.length === 0)) return null
  const change = heaviest.weight - (alone ? 0 : (taking[0]?.weight ?? 0))
  return change > 0 && change < size ? { give: giving.length - 1, take: alone ? null : 0 } : null
}

function firstAtLeast<T>(list: readonly Weighted<T>[], weight: number): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((list[middle]?.weight ?? 0) < weight) low = middle + 1
    else high = middle
  }
  return low
}
