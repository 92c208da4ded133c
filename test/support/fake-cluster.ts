// Brokers with group and transaction coordinators on partitions that move between them. What is replicated, who leads and
// which of it a broker has heard of are three things, as in a cluster; each changes only when the test says so.

import { CoordinatorFollower } from '../../src/broker/coordinator-follower.ts'
import { MarkerRouter } from '../../src/broker/marker-router.ts'
import { TransactionVerifier } from '../../src/broker/transaction-verifier.ts'
import type { BatchProducer, CoordinatorLog, LogOffsets, StoredBatch } from '../../src/coordinator/coordinator-log.ts'
import type { CoordinatorRecord } from '../../src/coordinator/coordinator-shard.ts'
import { partitionForKey } from '../../src/coordinator/key-partition.ts'
import { GroupCoordinator } from '../../src/groups/group-coordinator.ts'
import { groupHandlers, transactionalOffsets } from '../../src/groups/group-handlers.ts'
import { OFFSETS_TOPIC } from '../../src/groups/group-records.ts'
import { DEFAULT_GROUP_SETTINGS } from '../../src/groups/group-settings.ts'
import type { ClusterImage } from '../../src/metadata/cluster-image.ts'
import { KafkaError } from '../../src/protocol/error-codes.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import type { Timers } from '../../src/shared/timers.ts'
import type { Uuid } from '../../src/shared/uuid.ts'
import { transactionHandlers } from '../../src/transactions/handlers.ts'
import type { MarkerWriter } from '../../src/transactions/marker-sender.ts'
import { TRANSACTION_STATE_TOPIC, TransactionCoordinator } from '../../src/transactions/transaction-coordinator.ts'
import { FakeNetwork } from './fake-network.ts'
import { FakeShareStates } from './fake-share-states.ts'
import { ManualClock } from './manual-clock.ts'

export const DATA_TOPIC = 'data'
const TOPICS: readonly { name: string; id: Uuid; partitionCount: number }[] = [OFFSETS_TOPIC, TRANSACTION_STATE_TOPIC, DATA_TOPIC].map((name, index) => ({ name, id: `AAAAAAAAAAAAAAAAAAAAZ${'AQg'[index]}` as Uuid, partitionCount: 2 }))

type Leadership = { leader: number; leaderEpoch: number }
type Pending = { node: FakeNode; lastOffset: bigint; resolve: () => void; reject: (error: Error) => void }

/** One log as its replicas in sync have it. */
export class ReplicatedLog {
  batches: StoredBatch[] = []
  /** Everything below it is on all replicas and is never lost. */
  committedEnd = 0n
  /** As far as the leader knows; a new one knows less than is true. */
  highWatermark = 0n
  truth: Leadership
  pending: Pending[] = []
  readonly watches = new Map<() => void, FakeNode>()
  readonly #producers = new Map<bigint, { epoch: number; coordinatorEpoch: number }>()

  constructor(truth: Leadership) {
    this.truth = truth
  }

  get end(): bigint {
    return (this.batches.at(-1)?.lastOffset ?? -1n) + 1n
  }

  append(batch: Omit<StoredBatch, 'baseOffset' | 'lastOffset' | 'records'>, records: CoordinatorRecord[], nowMs: number): bigint {
    const known = this.#producers.get(batch.producerId)
    if (known !== undefined && batch.producerEpoch < known.epoch) throw new KafkaError('INVALID_PRODUCER_EPOCH')
    const coordinatorEpoch = Math.max(known?.coordinatorEpoch ?? -1, batch.control?.coordinatorEpoch ?? -1)
    if (batch.control !== null && batch.control.coordinatorEpoch < coordinatorEpoch) throw new KafkaError('TRANSACTION_COORDINATOR_FENCED')
    if (batch.producerId >= 0n) this.#producers.set(batch.producerId, { epoch: batch.producerEpoch, coordinatorEpoch })
    const baseOffset = this.end
    const stored = records.map(({ key, value }, index) => ({ offset: baseOffset + BigInt(index), timestampMs: nowMs, key, value }))
    this.batches.push({ ...batch, baseOffset, lastOffset: baseOffset + BigInt(Math.max(records.length, 1) - 1), records: stored })
    return baseOffset
  }

  /** All replicas have everything: what waits for that is acknowledged. */
  replicate(): void {
    this.committedEnd = this.highWatermark = this.end
    const acknowledged = this.pending.filter(({ node, lastOffset }) => node.id === this.truth.leader && lastOffset < this.committedEnd)
    this.pending = this.pending.filter((each) => !acknowledged.includes(each))
    for (const { resolve } of acknowledged) resolve()
    const watches = [...this.watches.keys()]
    this.watches.clear()
    for (const advanced of watches) advanced()
  }

  /** Of what is not committed some survives, as it happened to be on the replica that leads from now on; a leader that stays has all of it. */
  elect(leader: number, next: (bound: number) => number): void {
    if (leader === this.truth.leader) {
      this.truth = { leader, leaderEpoch: this.truth.leaderEpoch + 1 }
      return
    }
    const uncommitted = this.batches.filter(({ lastOffset }) => lastOffset >= this.committedEnd)
    this.batches = this.batches.slice(0, this.batches.length - uncommitted.length + next(uncommitted.length + 1))
    this.truth = { leader, leaderEpoch: this.truth.leaderEpoch + 1 }
    this.highWatermark = BigInt(next(Number(this.committedEnd) + 1))
    this.#producers.clear()
    for (const { producerId, producerEpoch, control } of this.batches) if (producerId >= 0n) this.#producers.set(producerId, { epoch: producerEpoch, coordinatorEpoch: Math.max(this.#producers.get(producerId)?.coordinatorEpoch ?? -1, control?.coordinatorEpoch ?? -1) })
  }
}

export class FakeNode {
  readonly id: number
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly verifier: TransactionVerifier
  readonly #cluster: FakeCluster
  readonly #followers: CoordinatorFollower[]
  /** What this node has heard of; by `topic-partition`. */
  #known = new Map<string, Leadership>()
  #isAlive = true

  constructor(cluster: FakeCluster, id: number) {
    this.id = id
    this.#cluster = cluster
    const { clock, network } = cluster
    const timers = this.#timers()
    const log = this.#log()
    const interBroker = network.from(id)
    const topics = { byName: (name: string) => TOPICS.find((topic) => topic.name === name), byId: (topicId: string) => TOPICS.find((topic) => topic.id === topicId), names: () => TOPICS.map(({ name }) => name), version: () => 1n }
    this.groups = new GroupCoordinator({ log, timers, clock, logger: silentLogger, settings: DEFAULT_GROUP_SETTINGS, topics, createTopics: () => {}, shareStates: new FakeShareStates(), latestOffset: () => Promise.resolve(0n) })
    const local: MarkerWriter = {
      write: ({ topic, partition }, producerId, producerEpoch, coordinatorEpoch, commit, bumpsEpoch) =>
        topic === OFFSETS_TOPIC ? this.groups.completeTransaction(partition, producerId, producerEpoch, coordinatorEpoch, commit, bumpsEpoch) : log.appendMarker(topic, partition, producerId, producerEpoch, coordinatorEpoch, commit, bumpsEpoch),
    }
    const partitionCount = (topic: string): number | undefined => topics.byName(topic)?.partitionCount
    this.transactions = new TransactionCoordinator({
      log, clock, timers, logger: silentLogger, partitionCount,
      markers: new MarkerRouter({ nodeId: id, local, interBroker, leaderOf: (topic, partition) => this.leaderOf(topic, partition) }),
      producerIdBlocks: { allocate: async () => ({ first: BigInt(cluster.nextProducerId++ * 10), size: 10 }) },
      settings: { transactionMaxTimeoutMs: 900_000, transactionalIdExpirationMs: 604_800_000, abortTimedOutIntervalMs: 10_000, removeExpiredIntervalMs: 3_600_000 },
    })
    this.verifier = new TransactionVerifier({ nodeId: id, local: this.transactions, interBroker, coordinatorOf: (transactionalId) => this.leaderOf(TRANSACTION_STATE_TOPIC, this.transactions.partitionFor(transactionalId)) })
    this.#followers = [new CoordinatorFollower(OFFSETS_TOPIC, this.groups, id, silentLogger), new CoordinatorFollower(TRANSACTION_STATE_TOPIC, this.transactions, id, silentLogger)]
    network.nodes.set(id, {
      ...groupHandlers({ coordinator: this.groups, topics, ensureInternalTopic: () => {}, leaderOf: () => null }),
      ...transactionHandlers({ coordinator: this.transactions, verifier: this.verifier, offsets: transactionalOffsets(this.groups, topics), markers: local, clock, partitionCount }),
    })
    this.transactions.start()
  }

  leaderOf(topic: string, partition: number): number {
    return this.#known.get(`${topic}-${partition}`)?.leader ?? -1
  }

  leads(topic: string, partition: number): boolean {
    return this.leaderOf(topic, partition) === this.id
  }

  /** The newest metadata reaches this node: its data plane first, then its coordinators. */
  hear(): void {
    this.#known = new Map([...this.#cluster.logs].map(([name, { truth }]) => [name, { ...truth }]))
    for (const [, log] of this.#cluster.logs) {
      const lost = log.pending.filter(({ node }) => node === this && (log.truth.leader !== this.id))
      log.pending = log.pending.filter((each) => !lost.includes(each))
      for (const { reject } of lost) reject(new KafkaError('NOT_LEADER_OR_FOLLOWER'))
    }
    const image = { topicsByName: new Map(TOPICS.map(({ name, id, partitionCount }) => [name, { id, partitions: Array.from({ length: partitionCount }, (_, index) => ({ index, ...this.#known.get(`${name}-${index}`) })) }])) } as unknown as ClusterImage
    for (const follower of this.#followers) follower.follow(image)
  }

  /** Nothing of it is heard any more, and nothing that it still does reaches anybody. */
  crash(): void {
    this.#isAlive = false
    this.#cluster.network.remove(this.id)
    for (const log of this.#cluster.logs.values()) {
      log.pending = log.pending.filter(({ node }) => node !== this)
      for (const [advanced, node] of log.watches) if (node === this) log.watches.delete(advanced)
    }
    this.transactions.close()
    this.groups.close()
  }

  append(topic: string, partition: number, records: CoordinatorRecord[], producer: BatchProducer | null): Promise<bigint> {
    return this.#append(topic, partition, { producerId: producer?.producerId ?? -1n, producerEpoch: producer?.producerEpoch ?? -1, transactional: producer?.transactional ?? false, control: null }, records)
  }

  #log(): CoordinatorLog {
    return {
      append: (topic, partition, records, producer) => this.append(topic, partition, records, producer),
      appendMarker: async (topic, partition, producerId, producerEpoch, coordinatorEpoch, commit) => {
        await this.#append(topic, partition, { producerId, producerEpoch, transactional: true, control: { type: commit ? 'COMMIT' : 'ABORT', coordinatorEpoch } }, [])
      },
      read: async (topic, partition, offset) => {
        const log = this.#cluster.log(topic, partition)
        const batch = log.batches.find(({ lastOffset }) => lastOffset >= offset && lastOffset < log.highWatermark)
        return batch === undefined ? [] : [batch]
      },
      offsets: (topic, partition): LogOffsets | null => {
        const log = this.#cluster.log(topic, partition)
        return { logStartOffset: 0n, highWatermark: log.highWatermark, logEndOffset: log.end, leaderEpoch: this.#known.get(`${topic}-${partition}`)?.leaderEpoch ?? -1 }
      },
      watch: (topic, partition, onAdvance) => {
        const { watches } = this.#cluster.log(topic, partition)
        watches.set(onAdvance, this)
        return () => void watches.delete(onAdvance)
      },
    }
  }

  async #append(topic: string, partition: number, batch: Omit<StoredBatch, 'baseOffset' | 'lastOffset' | 'records'>, records: CoordinatorRecord[]): Promise<bigint> {
    if (!this.#isAlive) return new Promise(() => {})
    const known = this.#known.get(`${topic}-${partition}`)
    if (known?.leader !== this.id) throw new KafkaError('NOT_LEADER_OR_FOLLOWER')
    const log = this.#cluster.log(topic, partition)
    // Who leads no longer and has not heard of it writes what no replica will ever fetch.
    const isLeader = log.truth.leader === this.id
    const baseOffset = isLeader ? log.append(batch, records, this.#cluster.clock.nowMs()) : -1n
    const lastOffset = isLeader ? log.end - 1n : 2n ** 62n
    if (isLeader && this.#cluster.lostAppends > 0) {
      this.#cluster.lostAppends--
      throw new KafkaError('REQUEST_TIMED_OUT')
    }
    await new Promise<void>((resolve, reject) => log.pending.push({ node: this, lastOffset, resolve, reject }))
    return baseOffset
  }

  /** Timers of one node are not those of another, and end with it. */
  #timers(): Timers {
    const { clock } = this.#cluster
    const prefix = `node-${this.id}-${this.#cluster.incarnationCount++}:`
    return {
      set: (key, delayMs, run) => clock.set(prefix + key, delayMs, () => { if (this.#isAlive) run() }),
      cancel: (key) => clock.cancel(prefix + key),
    }
  }
}

export class FakeCluster {
  readonly clock = new ManualClock()
  readonly network = new FakeNetwork()
  readonly logs = new Map<string, ReplicatedLog>()
  readonly nodes = new Map<number, FakeNode>()
  nextProducerId = 0
  /** So many appends are stored, and called failed. */
  lostAppends = 0
  incarnationCount = 0
  readonly #next: (bound: number) => number

  constructor(nodeCount: number, next: (bound: number) => number) {
    this.#next = next
    for (const { name, partitionCount } of TOPICS) {
      for (let partition = 0; partition < partitionCount; partition++) this.logs.set(`${name}-${partition}`, new ReplicatedLog({ leader: 1 + next(nodeCount), leaderEpoch: 0 }))
    }
    for (let id = 1; id <= nodeCount; id++) this.start(id)
  }

  log(topic: string, partition: number): ReplicatedLog {
    const log = this.logs.get(`${topic}-${partition}`)
    if (log === undefined) throw new Error(`no log ${topic}-${partition}`)
    return log
  }

  start(id: number): void {
    const node = new FakeNode(this, id)
    this.nodes.set(id, node)
    node.hear()
  }

  /** Another node, or the same in a new epoch, leads one of the partitions; nobody has heard of it yet. */
  move(): void {
    const logs = [...this.logs.values()]
    this.#elect(logs[this.#next(logs.length)])
  }

  crash(id: number): void {
    this.nodes.get(id)?.crash()
    this.nodes.delete(id)
    for (const log of this.logs.values()) if (log.truth.leader === id) this.#elect(log)
  }

  /** The node that leads the partition of a key, as everybody will know. */
  coordinatorOf(topic: string, key: string): number {
    return this.log(topic, partitionForKey(key, 2)).truth.leader
  }

  /** Who is to lead has followed up to now, and so has heard of the leader before. */
  #elect(log: ReplicatedLog | undefined): void {
    const [node] = [...this.nodes.values()].slice(this.#next(this.nodes.size))
    if (log === undefined || node === undefined) return
    if (node.id !== log.truth.leader) node.hear()
    log.elect(node.id, this.#next)
  }
}
