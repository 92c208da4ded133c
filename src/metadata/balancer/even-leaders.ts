// As many leaders on each broker, by changing which of a partition's replicas is preferred: nothing is copied for it.

import type { Assignment, WorkingPartition } from './assignment.ts'
import { CHANGE_MIN_SHARE } from './even-bytes.ts'
import { chooseByTopic, meanOf, pairs } from './even-replicas.ts'
import { chooseExchanges } from './exchange.ts'
import type { Exchange, Weighted } from './exchange.ts'

/**
 * Hands leaderships on, also over several brokers in a row, until none has two more than another that it reaches so;
 * nothing where none has more than the threshold too many.
 */
export function evenLeaders(assignment: Assignment, threshold: number): void {
  const { targets, leaderCount } = assignment
  const mean = meanOf(targets, leaderCount)
  const graph = new LeaderGraph(assignment)
  const begins = targets.some((from) => (graph.best(from)?.difference ?? 0) > Math.max(1, threshold * mean))
  if (!begins) return
  const stuck = new Set<number>()
  for (;;) {
    const from = targets.filter((place) => !stuck.has(place)).sort((a, b) => (leaderCount[b] ?? 0) - (leaderCount[a] ?? 0) || a - b)[0]
    if (from === undefined) return
    const best = graph.best(from)
    if (best === undefined || best.difference < 2) {
      stuck.add(from)
      continue
    }
    graph.shift(best.path, Math.floor(best.difference / 2))
    stuck.clear()
  }
}

/** Leaderships of much and of little traffic change places, so that their number stays. */
export function evenLeaderRates(assignment: Assignment, threshold: number): void {
  const { targets, leaderRate } = assignment
  const tolerance = threshold * meanOf(targets, leaderRate)
  if (tolerance === 0) return
  const exchangesBetween = (from: number, to: number, size: number): Exchange<WorkingPartition>[] => {
    const countDifference = (assignment.leaderCount[from] ?? 0) - (assignment.leaderCount[to] ?? 0)
    return chooseExchanges(led(assignment, from, to), led(assignment, to, from), { size, until: tolerance / 2, changeMin: tolerance * CHANGE_MIN_SHARE, countDifference })
  }
  if (!pairs(targets, leaderRate, tolerance).some(({ from, to, difference }) => exchangesBetween(from, to, difference).length > 0)) return
  const stuck = new Set<number>()
  for (;;) {
    const open = pairs(targets, leaderRate, tolerance / 2).filter(({ from, to }) => !stuck.has(from * assignment.brokers.length + to))
    const [next] = open.sort((a, b) => b.difference - a.difference || a.from - b.from || a.to - b.to)
    if (next === undefined) return
    const exchanges = exchangesBetween(next.from, next.to, next.difference)
    for (const { give, take } of exchanges) {
      assignment.prefer(give, next.to, 'LEADERS')
      if (take !== null) assignment.prefer(take, next.from, 'LEADERS')
    }
    if (exchanges.length === 0) stuck.add(next.from * assignment.brokers.length + next.to)
    else stuck.clear()
  }
}

function led(assignment: Assignment, from: number, to: number): Weighted<WorkingPartition>[] {
  const found: Weighted<WorkingPartition>[] = []
  for (const partition of assignment.partitions) if (mayLead(partition, from, to)) found.push({ item: partition, weight: partition.given.bytesInPerSecond })
  return found.sort((a, b) => a.weight - b.weight)
}

/** Whether leadership may go from the preferred leader to another replica. */
function mayLead({ settled, replicas }: WorkingPartition, from: number, to: number): boolean {
  return settled && replicas[0] === from && replicas.includes(to)
}

type Path = { readonly path: readonly number[]; readonly difference: number }

/** Which broker can hand leaderships to which: as many as it leads partitions of which the other has a replica. */
class LeaderGraph {
  readonly #assignment: Assignment
  readonly #size: number
  readonly #edges: Int32Array

  constructor(assignment: Assignment) {
    this.#assignment = assignment
    this.#size = assignment.brokers.length
    this.#edges = new Int32Array(this.#size * this.#size)
    for (const partition of assignment.partitions) this.#count(partition, 1)
  }

  /** The shortest way from a broker to the one with the fewest leaders that can be reached. */
  best(from: number): Path | undefined {
    const { targets, leaderCount } = this.#assignment
    const before = new Map<number, number>([[from, from]])
    const queue = [from]
    let end = from
    for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
      if ((leaderCount[at] ?? 0) < (leaderCount[end] ?? 0)) end = at
      for (const next of targets) {
        if (before.has(next) || (this.#edges[at * this.#size + next] ?? 0) === 0) continue
        before.set(next, at)
        queue.push(next)
      }
    }
    if (end === from) return undefined
    const path = [end]
    while (path[0] !== from) path.unshift(before.get(path[0] ?? from) ?? from)
    return { path, difference: (leaderCount[from] ?? 0) - (leaderCount[end] ?? 0) }
  }

  /** Hands up to `count` leaderships on along a way; at least one. */
  shift(path: readonly number[], count: number): void {
    const steps = path.slice(1).map((to, index) => ({ from: path[index] ?? to, to }))
    const possible = Math.min(count, ...steps.map(({ from, to }) => this.#edges[from * this.#size + to] ?? 0))
    const { partitions } = this.#assignment
    for (const { from, to } of steps) {
      const surplus = (topic: number): number => this.#assignment.topicLeaders(from, topic) - this.#assignment.topicLeaders(to, topic)
      for (const partition of chooseByTopic(partitions.filter((each) => mayLead(each, from, to)), possible, surplus, 0)) {
        this.#count(partition, -1)
        this.#assignment.prefer(partition, to, 'LEADERS')
        this.#count(partition, 1)
      }
    }
  }

  #count({ settled, replicas }: WorkingPartition, sign: 1 | -1): void {
    const [leader] = replicas
    if (!settled || leader === undefined) return
    for (const replica of replicas) if (replica !== leader) this.#edges[leader * this.#size + replica]! += sign
  }
}
