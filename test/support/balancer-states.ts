import type { BalancedBroker, BalancedPartition, BalancerState } from '../../src/metadata/balancer/balancer-state.ts'
import type { Move } from '../../src/metadata/balancer/moves.ts'
import { random } from './random.ts'

export function broker(id: number, changes: Partial<BalancedBroker> = {}): BalancedBroker {
  return { id, rack: null, available: true, draining: false, ...changes }
}

/** A partition in sync whose first replica leads. */
export function partition(topic: string, index: number, replicas: readonly number[], changes: Partial<BalancedPartition> = {}): BalancedPartition {
  return { topic, partition: index, replicas, leader: replicas[0] ?? -1, isr: replicas, moving: false, sizeBytes: 0, bytesInPerSecond: 0, ...changes }
}

/** What the cluster is like once a move has been made, and the preferred leader elected after it. */
export function applyMove(state: BalancerState, move: Move): BalancerState {
  const partitions = state.partitions.map((each): BalancedPartition => {
    if (each.topic !== move.topic || each.partition !== move.partition) return each
    if (move.kind === 'leadership') return { ...each, replicas: move.replicas, leader: move.to }
    const isr = each.isr.includes(move.from) ? [...each.isr.filter((id) => id !== move.from), move.to] : each.isr
    const [first = -1] = move.replicas
    return { ...each, replicas: move.replicas, isr, leader: isr.includes(first) ? first : each.leader === move.from ? move.to : each.leader }
  })
  return { ...state, partitions }
}

/** All moves at once, quickly. */
export function applyMoves(state: BalancerState, moves: readonly Move[]): BalancerState {
  const byPartition = new Map<string, Move[]>()
  for (const move of moves) {
    const key = `${move.topic}-${move.partition}`
    byPartition.set(key, [...(byPartition.get(key) ?? []), move])
  }
  const partitions = state.partitions.map((each) =>
    (byPartition.get(`${each.topic}-${each.partition}`) ?? []).reduce((at, move) => applyMove({ brokers: [], partitions: [at] }, move).partitions[0] as BalancedPartition, each))
  return { ...state, partitions }
}

/** Distinct racks of a list of replicas. */
export function racksOf({ brokers }: BalancerState, replicas: readonly number[]): number {
  return new Set(replicas.map((id) => brokers.find((each) => each.id === id)?.rack ?? '')).size
}

export function replicaCounts({ brokers, partitions }: BalancerState): Map<number, number> {
  const counts = new Map(brokers.map(({ id }) => [id, 0]))
  for (const { replicas } of partitions) for (const id of replicas) counts.set(id, (counts.get(id) ?? 0) + 1)
  return counts
}

export function leaderCounts({ brokers, partitions }: BalancerState): Map<number, number> {
  const counts = new Map(brokers.map(({ id }) => [id, 0]))
  for (const { replicas: [first = -1] } of partitions) counts.set(first, (counts.get(first) ?? 0) + 1)
  return counts
}

export function byteCounts({ brokers, partitions }: BalancerState): Map<number, number> {
  const counts = new Map(brokers.map(({ id }) => [id, 0]))
  for (const { replicas, sizeBytes } of partitions) for (const id of replicas) counts.set(id, (counts.get(id) ?? 0) + sizeBytes)
  return counts
}

export function range(counts: Iterable<number>): number {
  const all = [...counts]
  return Math.max(...all) - Math.min(...all)
}

export type RandomCluster = { readonly rackCount: number; readonly perRack: number; readonly topicCount: number; readonly replicationFactor: number }

/** A cluster grown at random: replicas anywhere, some brokers down, some draining, some partitions out of sync or moving. */
export function randomState(seed: number): BalancerState {
  const next = random(seed)
  const rackCount = 1 + next(4)
  const brokers: BalancedBroker[] = []
  for (let rack = 0; rack < rackCount; rack++) {
    for (let count = 1 + next(3); count > 0; count--) {
      brokers.push(broker(brokers.length + 1, { rack: next(8) === 0 ? null : `r${rack}`, available: next(12) > 0, draining: next(10) === 0 }))
    }
  }
  const partitions: BalancedPartition[] = []
  for (let topic = 1 + next(6); topic > 0; topic--) {
    const replicationFactor = 1 + next(Math.min(3, brokers.length))
    const used = next(3) === 0 ? brokers.slice(0, Math.max(replicationFactor, Math.ceil(brokers.length / 2))) : brokers
    for (let index = 1 + next(40); index > 0; index--) {
      const free = used.map(({ id }) => id)
      const replicas = Array.from({ length: replicationFactor }, () => free.splice(next(free.length), 1)[0] as number)
      const changes: Partial<BalancedPartition> = { sizeBytes: next(3) === 0 ? 0 : next(1_000_000) ** 2, bytesInPerSecond: next(2) * next(1000) }
      const outOfSync = next(20) === 0 ? { isr: replicas.slice(0, 1) } : {}
      const led = next(10) === 0 ? { leader: replicas[next(replicas.length)] as number } : {}
      partitions.push(partition(`t${topic}`, index - 1, replicas, { ...changes, ...led, ...outOfSync, moving: next(30) === 0 }))
    }
  }
  return { brokers, partitions }
}
