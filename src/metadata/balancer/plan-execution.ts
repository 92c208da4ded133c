// Carries a plan out wave by wave: throttle, reassign, wait until the replicas are where they are to be, take the throttle
// away, elect the preferred leaders. It keeps no time; whoever owns it says when to go on.

import type { BalancedPartition, BalancerState } from './balancer-state.ts'
import type { Move } from './moves.ts'
import { throttleOf } from './throttle.ts'
import type { ResourceConfigs } from './throttle.ts'
import { nextWave } from './wave.ts'
import type { PartitionTarget, Wave, WaveLimits } from './wave.ts'

/** What is done to a cluster, in the controller's own process or over Kafka's protocol. */
export interface BalancedCluster {
  /** Sets these configs; what is set otherwise already stays as it is. */
  throttle(configs: readonly ResourceConfigs[]): Promise<void>
  /** Gives those back that are as they were set. */
  unthrottle(configs: readonly ResourceConfigs[]): Promise<void>
  /** Begins to move replicas; those partitions are named that were refused, with why. */
  reassign(targets: readonly PartitionTarget[]): Promise<Refusal[]>
  /** Has preferred leaders lead where they can. */
  electPreferred(targets: readonly PartitionTarget[]): Promise<void>
  /** The partitions as they are; one that is gone is left out. */
  current(targets: readonly PartitionTarget[]): Promise<BalancedPartition[]>
}

export type Refusal = PartitionTarget & { readonly message: string }

export type ExecutionProgress = { readonly movesDone: number; readonly movesLeft: number; readonly bytesLeft: number }

export class PlanExecution {
  readonly #cluster: BalancedCluster
  readonly #bytesPerSecond: number
  readonly #limits: WaveLimits
  readonly #onRefusal: (refusal: Refusal) => void
  #rest: readonly Move[]
  #movesDone = 0
  #current: { wave: Wave; throttle: readonly ResourceConfigs[] } | null = null

  constructor(cluster: BalancedCluster, moves: readonly Move[], options: WaveLimits & { bytesPerSecond: number; onRefusal: (refusal: Refusal) => void }) {
    this.#cluster = cluster
    this.#rest = moves
    this.#limits = options
    this.#bytesPerSecond = options.bytesPerSecond
    this.#onRefusal = options.onRefusal
  }

  get progress(): ExecutionProgress {
    const under = this.#current?.wave.moves ?? []
    return { movesDone: this.#movesDone, movesLeft: this.#rest.length + under.length, bytesLeft: [...under, ...this.#rest].reduce((sum, { bytes }) => sum + bytes, 0) }
  }

  /** Begins no further wave; the one under way is still looked after. */
  drop(): void {
    this.#rest = []
  }

  /** Goes on where that is possible: ends the wave whose replicas have arrived, begins the next. False once all is done. */
  async step(): Promise<boolean> {
    if (this.#current !== null) {
      const { wave, throttle } = this.#current
      if ((await this.#cluster.current(wave.targets)).some(({ moving }) => moving)) return true
      await this.#cluster.unthrottle(throttle)
      await this.#cluster.electPreferred(wave.targets)
      this.#movesDone += wave.moves.length
      this.#current = null
    }
    if (this.#rest.length === 0) return false
    const { wave, rest } = nextWave(this.#rest, this.#limits)
    const before = await this.#cluster.current(wave.targets)
    this.#rest = rest
    const possible = stillPossible(wave, before)
    const throttle = possible.copies ? throttleOf(possible, before, this.#bytesPerSecond) : []
    // Known before it is done, so that it is taken away again whatever happens in between.
    this.#current = { wave: possible, throttle }
    await this.#cluster.throttle(throttle)
    if (possible.targets.length > 0) for (const refusal of await this.#cluster.reassign(possible.targets)) this.#onRefusal(refusal)
    return true
  }
}

/** What of a wave still starts from where it was planned from; the rest is for the next plan. */
function stillPossible(wave: Wave, before: readonly BalancedPartition[]): Wave {
  const startable = new Set(before.filter(({ moving, leader }) => !moving && leader >= 0).map(({ topic, partition }) => `${topic}-${partition}`))
  const replicasOf = new Map(before.map(({ topic, partition, replicas }) => [`${topic}-${partition}`, replicas]))
  const changed = new Set<string>()
  for (const move of wave.moves) {
    const key = `${move.topic}-${move.partition}`
    if (move.kind === 'replica' && (!(replicasOf.get(key)?.includes(move.from) ?? false) || (replicasOf.get(key)?.includes(move.to) ?? false))) changed.add(key)
  }
  const isPossible = ({ topic, partition }: { topic: string; partition: number }): boolean => startable.has(`${topic}-${partition}`) && !changed.has(`${topic}-${partition}`)
  const moves = wave.moves.filter(isPossible)
  return { moves, targets: wave.targets.filter(isPossible), copies: moves.some(({ kind }) => kind === 'replica') }
}

/** The partitions of a state that are asked for. */
export function partitionsOf({ partitions }: BalancerState, targets: readonly PartitionTarget[]): BalancedPartition[] {
  const asked = new Set(targets.map(({ topic, partition }) => `${topic}-${partition}`))
  return partitions.filter(({ topic, partition }) => asked.has(`${topic}-${partition}`))
}
