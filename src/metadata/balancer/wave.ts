// A plan is carried out in waves, so that few partitions and few bytes are under way at once.

import type { Move } from './moves.ts'

export type WaveLimits = { readonly partitionsMax: number; readonly bytesMax: number }

/** What is asked of the controller for one partition: all of its replicas in the end, the preferred leader first. */
export type PartitionTarget = { readonly topic: string; readonly partition: number; readonly replicas: readonly number[] }

export type Wave = {
  readonly moves: readonly Move[]
  readonly targets: readonly PartitionTarget[]
  /** Whether anything is copied, and so throttled. */
  readonly copies: boolean
}

/** Cuts the next wave off a plan: partitions as a whole, as many as the limits allow and at least one. */
export function nextWave(moves: readonly Move[], { partitionsMax, bytesMax }: WaveLimits): { wave: Wave; rest: Move[] } {
  const targets: PartitionTarget[] = []
  let bytes = 0
  let end = 0
  while (end < moves.length && targets.length < partitionsMax) {
    const next = endOfPartition(moves, end)
    const added = moves.slice(end, next)
    const addedBytes = added.reduce((sum, move) => sum + move.bytes, 0)
    if (targets.length > 0 && bytes + addedBytes > bytesMax) break
    const last = added.at(-1) as Move
    targets.push({ topic: last.topic, partition: last.partition, replicas: last.replicas })
    bytes += addedBytes
    end = next
  }
  const taken = moves.slice(0, end)
  return { wave: { moves: taken, targets, copies: taken.some(({ kind }) => kind === 'replica') }, rest: moves.slice(end) }
}

function endOfPartition(moves: readonly Move[], start: number): number {
  const first = moves[start]
  let end = start + 1
  while (moves[end]?.topic === first?.topic && moves[end]?.partition === first?.partition) end++
  return end
}
