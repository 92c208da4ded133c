// What the balancer decides on: brokers, and where the replicas of partitions are. Plain data that an image or the answers
// of any Kafka broker can be turned into, so that the controller and the tools plan alike.

export type BalancedBroker = {
  readonly id: number
  /** Brokers that name no rack stand in one together. */
  readonly rack: string | null
  /** Whether it is up. One that is down is given nothing, and keeps what it has: it may come back. */
  readonly available: boolean
  /** Whether it is to hold nothing. */
  readonly draining: boolean
}

export type BalancedPartition = {
  readonly topic: string
  readonly partition: number
  /** Where replicas are, or are to be while they move, the preferred leader first. */
  readonly replicas: readonly number[]
  /** -1 where nobody leads. */
  readonly leader: number
  readonly isr: readonly number[]
  /** Whether its replicas are being moved already. */
  readonly moving: boolean
  /** Of one replica; 0 where it is not known. */
  readonly sizeBytes: number
  /** Written to the leader per second; 0 where it is not known. */
  readonly bytesInPerSecond: number
}

export type BalancerState = { readonly brokers: readonly BalancedBroker[]; readonly partitions: readonly BalancedPartition[] }
