// The balancer's working copy: replicas by place of their broker in a list, with the sums that decide. Counts are kept in
// typed arrays, since a plan for many partitions reads them millions of times.

import type { BalancedBroker, BalancedPartition, BalancerState } from './balancer-state.ts'

export type MoveReason = 'DRAIN' | 'RACKS' | 'REPLICAS' | 'BYTES' | 'LEADERS' | 'PREFERRED_LEADER'

export type WorkingPartition = {
  readonly given: BalancedPartition
  readonly topic: number
  /** Places of brokers at first and now, the preferred leader first. */
  readonly before: readonly number[]
  replicas: number[]
  readonly sizeBytes: number
  /** Whether anything of it may be changed now. */
  readonly movable: boolean
  /** Whether it may be moved for the sake of evenness: all of its replicas are in sync. */
  readonly settled: boolean
  /** Why its replicas, and why its leadership, were last changed. */
  reason: MoveReason | null
  leaderReason: MoveReason | null
}

export class Assignment {
  readonly brokers: readonly BalancedBroker[]
  /** By topic and index. */
  readonly partitions: readonly WorkingPartition[]
  /** Places of the brokers that may be given replicas. */
  readonly targets: readonly number[]
  readonly replicaCount: Int32Array
  readonly bytes: Float64Array
  readonly leaderCount: Int32Array
  readonly leaderRate: Float64Array
  readonly #topicCount: number
  readonly #topicReplicaCount: Int32Array
  readonly #topicLeaderCount: Int32Array
  readonly #rackOf: Int32Array
  readonly #perRack: Int32Array

  constructor({ brokers, partitions }: BalancerState) {
    this.brokers = withUnknown(brokers, partitions)
    const placeOf = new Map(this.brokers.map(({ id }, place) => [id, place]))
    const racks = [...new Set(this.brokers.map(({ rack }) => rack ?? ''))]
    this.#rackOf = Int32Array.from(this.brokers, ({ rack }) => racks.indexOf(rack ?? ''))
    this.#perRack = new Int32Array(racks.length)
    this.targets = [...this.brokers.keys()].filter((place) => this.isTarget(place))
    const sorted = [...partitions].sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
    const topics = new Map<string, number>()
    for (const { topic } of sorted) if (!topics.has(topic)) topics.set(topic, topics.size)
    this.#topicCount = topics.size
    this.partitions = sorted.map((given) => {
      const movable = !given.moving && given.leader >= 0 && given.replicas.length > 0
      const before = given.replicas.map((id) => placeOf.get(id) ?? 0)
      return {
        given,
        topic: topics.get(given.topic) ?? 0,
        before,
        replicas: [...before],
        sizeBytes: given.sizeBytes,
        movable,
        settled: movable && given.replicas.every((id) => given.isr.includes(id)),
        reason: null,
        leaderReason: null,
      }
    })
    const count = this.brokers.length
    this.replicaCount = new Int32Array(count)
    this.bytes = new Float64Array(count)
    this.leaderCount = new Int32Array(count)
    this.leaderRate = new Float64Array(count)
    this.#topicReplicaCount = new Int32Array(count * this.#topicCount)
    this.#topicLeaderCount = new Int32Array(count * this.#topicCount)
    for (const partition of this.partitions) {
      for (const place of partition.replicas) this.#count(partition, place, 1)
      this.#countLeader(partition, 1)
    }
  }

  isTarget(place: number): boolean {
    const broker = this.brokers[place]
    return broker !== undefined && broker.available && !broker.draining
  }

  isDraining(place: number): boolean {
    return this.brokers[place]?.draining === true
  }

  topicReplicas(place: number, topic: number): number {
    return this.#topicReplicaCount[place * this.#topicCount + topic] ?? 0
  }

  topicLeaders(place: number, topic: number): number {
    return this.#topicLeaderCount[place * this.#topicCount + topic] ?? 0
  }

  /** What a move does to how evenly a partition stands in racks: below 0 it gets better, above 0 worse. */
  rackChange({ replicas }: WorkingPartition, from: number, to: number): number {
    const [fromRack, toRack] = [this.#rackOf[from] ?? 0, this.#rackOf[to] ?? 0]
    if (fromRack === toRack) return 0
    let inFrom = 0
    let inTo = 0
    for (const place of replicas) {
      const rack = this.#rackOf[place]
      if (rack === fromRack) inFrom++
      else if (rack === toRack) inTo++
    }
    // Half the change of the sum of squares of replicas per rack. Where it does not grow, no rack is lost either.
    return inTo - inFrom + 1
  }

  /** The sum of squares of replicas per rack: the less, the more evenly these brokers stand in racks. */
  rackSquares(places: readonly number[]): number {
    this.#perRack.fill(0)
    let sum = 0
    for (const place of places) {
      const rack = this.#rackOf[place] ?? 0
      const before = this.#perRack[rack] ?? 0
      sum += 2 * before + 1
      this.#perRack[rack] = before + 1
    }
    return sum
  }

  /** Whether a replica may go from one broker to another for the sake of evenness. */
  mayMove(partition: WorkingPartition, from: number, to: number): boolean {
    return partition.settled && partition.replicas.includes(from) && !partition.replicas.includes(to) && this.rackChange(partition, from, to) <= 0
  }

  /** The new replica takes the old one's place in the order of preference. */
  move(partition: WorkingPartition, from: number, to: number, reason: MoveReason): void {
    this.#countLeader(partition, -1)
    this.#count(partition, from, -1)
    partition.replicas[partition.replicas.indexOf(from)] = to
    partition.reason = reason
    this.#count(partition, to, 1)
    this.#countLeader(partition, 1)
  }

  /** Puts a replica first, so that it leads. */
  prefer(partition: WorkingPartition, place: number, reason: MoveReason): void {
    this.#countLeader(partition, -1)
    partition.replicas = [place, ...partition.replicas.filter((other) => other !== place)]
    partition.leaderReason = reason
    this.#countLeader(partition, 1)
  }

  #count({ topic, sizeBytes }: WorkingPartition, place: number, sign: 1 | -1): void {
    this.replicaCount[place]! += sign
    this.bytes[place]! += sign * sizeBytes
    this.#topicReplicaCount[place * this.#topicCount + topic]! += sign
  }

  #countLeader({ topic, replicas, given }: WorkingPartition, sign: 1 | -1): void {
    const [leader] = replicas
    if (leader === undefined) return
    this.leaderCount[leader]! += sign
    this.leaderRate[leader]! += sign * given.bytesInPerSecond
    this.#topicLeaderCount[leader * this.#topicCount + topic]! += sign
  }
}

/** By id, with those that hold replicas and are not registered: nobody hears of them, so they are not available. */
function withUnknown(brokers: readonly BalancedBroker[], partitions: readonly BalancedPartition[]): BalancedBroker[] {
  const all = new Map(brokers.map((broker) => [broker.id, broker]))
  for (const { replicas } of partitions) for (const id of replicas) if (!all.has(id)) all.set(id, { id, rack: null, available: false, draining: false })
  return [...all.values()].sort((a, b) => a.id - b.id)
}
