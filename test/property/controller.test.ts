// Random lives of a cluster as its controller sees it: brokers come, fall silent, stop cleanly or not and return, clocks
// jump, controllers change, leaders report ISRs, replicas are reassigned. After every change of the metadata what must
// always hold is checked; at the end everyone comes back and every partition has a leader again.

import { expect, test } from 'vitest'
import type { ClusterImage, PartitionImage } from '../../src/metadata/cluster-image.ts'
import { ActiveController } from '../../src/metadata/controller/active-controller.ts'
import { unregisterBroker } from '../../src/metadata/controller/broker-changes.ts'
import { electLeaders } from '../../src/metadata/controller/elect-leaders.ts'
import { metadataRecord } from '../../src/metadata/controller/metadata-records.ts'
import { partitionRecord } from '../../src/metadata/controller/partition-records.ts'
import { reassignPartitions } from '../../src/metadata/controller/reassign-partitions.ts'
import { SUPPORTED_FEATURES } from '../../src/metadata/features.ts'
import { imageRecords } from '../../src/metadata/image-records.ts'
import { MetadataDelta } from '../../src/metadata/metadata-delta.ts'
import type { ControllerOperation, MetadataListener } from '../../src/metadata/metadata-runtime.ts'
import { placeReplicas } from '../../src/metadata/placement.ts'
import { emptyImage } from '../../src/metadata/cluster-image.ts'
import { decodeMetadataRecord, encodeMetadataRecord } from '../../src/protocol/codec.ts'
import type { MetadataRecord } from '../../src/protocol/codec.ts'
import { KafkaError } from '../../src/protocol/error-codes.ts'
import { Logging } from '../../src/shared/logger.ts'
import { cluster, CLUSTER_ID, dirOf, idOf, NO_ELR } from '../support/cluster-images.ts'
import { random } from '../support/random.ts'

const BROKERS = [1, 2, 3, 4, 5]
const SESSION_MS = 9000
const STEPS = 320

/** A broker's process; null where none runs. */
type Process = { incarnation: string; epoch: bigint | null; wantsShutDown: boolean }

class Life {
  readonly #random: (bound: number) => number
  readonly #eligibleLeaders: boolean
  readonly #allowsUnclean: boolean
  readonly #processes = new Map<number, Process | null>()
  /** What a broker's directories say of its last stop. */
  readonly #cleanEpochs = new Map<number, bigint>()
  readonly #listeners: MetadataListener[] = []
  readonly #controllers: ActiveController[]
  #active = 0
  #now = 0
  #runs = 0
  /** Someone asked for an unclean election in so many words. */
  #uncleanAsked = false
  /** What a leader is saying of its ISR. */
  #reportedIsr: readonly number[] = []
  image: ClusterImage
  changeCount = 0

  constructor(seed: number, eligibleLeaders: boolean, allowsUnclean: boolean) {
    this.#random = random(seed)
    this.#eligibleLeaders = eligibleLeaders
    this.#allowsUnclean = allowsUnclean
    this.image = cluster({ brokers: [], features: eligibleLeaders ? {} : NO_ELR })
    const life = this
    const runtime = {
      get image() {
        return life.image
      },
      write: <R>(operation: ControllerOperation<R>) => life.write(operation),
      onChange: (listener: MetadataListener) => void life.#listeners.push(listener),
    }
    this.#controllers = [0, 1].map(() => {
      const settings = { sessionTimeoutMs: SESSION_MS, balancesLeaders: true, balanceIntervalMs: 30_000, uncleanElectionIntervalMs: 20_000 }
      return new ActiveController({ runtime, policies: this.policies, settings, monotonicMs: () => this.#now, logger: new Logging({ level: 'FATAL' }).logger('controller'), partitionCountMax: 3 })
    })
    this.controller.activate(1, 0)
  }

  readonly policies = () => ({ minInsyncReplicas: 2, allowsUncleanElection: this.#allowsUnclean })

  get controller(): ActiveController {
    return this.#controllers[this.#active] as ActiveController
  }

  async write<R>(operation: ControllerOperation<R>): Promise<R> {
    const { records, response } = operation(this.image, this.#now)
    if (records.length === 0) return response
    // As they come back from the log.
    const stored = records.map(({ name, version, value }) => decodeMetadataRecord(encodeMetadataRecord(name, version, value)))
    const before = this.image
    const delta = new MetadataDelta(before)
    for (const record of stored) delta.replay(record)
    this.image = delta.apply(before.offset + BigInt(records.length))
    this.changeCount += records.length
    this.#check(before, stored)
    for (const listener of this.#listeners) listener(this.image, delta)
    return response
  }

  async run(): Promise<void> {
    for (const id of BROKERS) await this.#start(id)
    await this.#beatAll()
    await this.#createTopic()
    for (let step = 0; step < STEPS; step++) await this.#step()
    await this.#recover()
  }

  async #step(): Promise<void> {
    const id = this.#pick(BROKERS)
    const dice = this.#random(100)
    if (dice < 40) {
      this.#now += this.#random(3000)
      await this.#beatAll()
    } else if (dice < 45) this.#now += this.#random(20_000)
    else if (dice < 52) this.#kill(id)
    else if (dice < 57) this.#stop(id)
    else if (dice < 66) await this.#start(id)
    else if (dice < 86) await this.#alterPartition()
    else if (dice < 91) await this.#reassign()
    else if (dice < 93) await this.#elect()
    else if (dice < 95) await this.#createTopic()
    else if (dice < 97) this.#changeController()
    else if (dice < 98) await this.#unregister(id)
    else await this.#reportDirectories(id)
    await this.controller.attend()
  }

  async #start(id: number): Promise<void> {
    if (this.#processes.get(id) != null) return
    this.#processes.set(id, { incarnation: `run ${++this.#runs}`, epoch: null, wantsShutDown: false })
    await this.#register(id)
  }

  async #register(id: number): Promise<void> {
    const process = this.#processes.get(id)
    if (process == null) return
    try {
      process.epoch = await this.controller.registerBroker(
        {
          brokerId: id, clusterId: CLUSTER_ID, incarnationId: idOf(process.incarnation), listeners: [], rack: null, isMigratingZkBroker: false, logDirs: [dirOf(id)],
          features: [...SUPPORTED_FEATURES].map(([name, { min, max }]) => ({ name, minSupportedVersion: min, maxSupportedVersion: max })),
          previousBrokerEpoch: this.#cleanEpochs.get(id) ?? -1n,
        },
        this.#now,
      )
      this.#cleanEpochs.delete(id)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
    }
  }

  /** The process is gone, and what it had not written with it. */
  #kill(id: number): void {
    this.#processes.set(id, null)
  }

  #stop(id: number): void {
    const process = this.#processes.get(id)
    if (process != null) process.wantsShutDown = true
  }

  async #beatAll(): Promise<void> {
    for (const [id, process] of this.#processes) {
      if (process === null || this.#random(10) === 0) continue
      if (process.epoch === null) await this.#register(id)
      if (process.epoch === null) continue
      try {
        const currentMetadataOffset = this.image.offset - BigInt(this.#random(3) === 0 ? this.#random(20) : 0)
        const { shouldShutDown } = await this.controller.heartbeat(
          { brokerId: id, brokerEpoch: process.epoch, currentMetadataOffset, wantFence: false, wantShutDown: process.wantsShutDown, offlineLogDirs: [], cordonedLogDirs: null },
          this.#now,
        )
        if (!shouldShutDown) continue
        this.#cleanEpochs.set(id, process.epoch)
        this.#processes.set(id, null)
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        process.epoch = null
      }
    }
  }

  async #alterPartition(): Promise<void> {
    const [topic, partition] = this.#pickPartition()
    const leader = partition && this.image.brokers.get(partition.leader)
    if (topic === undefined || leader === undefined) return
    const members = partition.replicas.filter((replica) => replica === partition.leader || this.#random(3) > 0)
    const isr = partition.leaderRecoveryState === 1 ? [partition.leader] : members
    const stale = this.#random(8) === 0 ? 1 : 0
    this.#reportedIsr = isr
    await this.controller.alterPartitions(
      {
        brokerId: leader.id,
        brokerEpoch: leader.epoch,
        topics: [{
          topicId: topic,
          partitions: [{
            partitionIndex: partition.index, leaderEpoch: partition.leaderEpoch - (this.#random(8) === 0 ? 1 : 0), partitionEpoch: partition.partitionEpoch - stale, newIsr: [],
            newIsrWithEpochs: isr.map((brokerId) => ({ brokerId, brokerEpoch: this.image.brokers.get(brokerId)?.epoch ?? -1n })), leaderRecoveryState: 0,
          }],
        }],
      },
      3,
    )
    this.#reportedIsr = []
  }

  async #reassign(): Promise<void> {
    const [topicId, partition] = this.#pickPartition()
    const name = topicId && this.image.topicsById.get(topicId)?.name
    if (name === undefined || partition === undefined) return
    const registered = [...this.image.brokers.keys()]
    const replicas = this.#random(3) === 0 ? null : registered.filter(() => this.#random(2) === 0).sort(() => this.#random(3) - 1)
    await this.write((image) => reassignPartitions(image, [{ name, partitions: [{ partitionIndex: partition.index, replicas }] }], true, this.policies))
  }

  async #elect(): Promise<void> {
    const type = this.#random(4) === 0 ? 1 : 0
    this.#uncleanAsked = type === 1
    await this.write((image) => electLeaders(image, type, null, this.policies))
    this.#uncleanAsked = false
  }

  async #createTopic(): Promise<void> {
    const name = `t${this.image.topicsByName.size}`
    try {
      const replicas = placeReplicas(this.image.brokers.values(), 4, 1 + this.#random(3), this.#random)
      await this.write((image) => ({
        records: [metadataRecord('TopicRecord', { name, topicId: idOf(name) }), ...replicas.map((brokers, index) => partitionRecord(image, idOf(name), index, brokers))],
        response: undefined,
      }))
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
    }
  }

  #changeController(): void {
    this.controller.deactivate()
    this.#active = 1 - this.#active
    this.controller.activate(1, this.#now)
  }

  async #unregister(id: number): Promise<void> {
    for (let isLast = false; !isLast; ) {
      isLast = await this.write((image) => {
        const broker = image.brokers.get(id)
        if (broker === undefined) return { records: [], response: true }
        const step = unregisterBroker(image, broker, { policies: this.policies, partitionCountMax: 3 })
        return { records: step.records, response: step.isLast }
      })
    }
  }

  async #reportDirectories(id: number): Promise<void> {
    const broker = this.image.brokers.get(id)
    if (broker === undefined) return
    const held = [...this.image.topicsById.values()].flatMap(({ id: topicId, partitions }) => partitions.filter(({ replicas }) => replicas.includes(id)).map(({ index }) => ({ topicId, partitions: [{ partitionIndex: index }] })))
    await this.controller.assignDirectories({ brokerId: id, brokerEpoch: broker.epoch, directories: [{ id: dirOf(id), topics: held }] })
  }

  /** Everyone comes back, and time goes on. */
  async #recover(): Promise<void> {
    for (const id of BROKERS) {
      const process = this.#processes.get(id)
      if (process != null) process.wantsShutDown = false
    }
    for (let second = 0; second < 90; second++) {
      this.#now += 1000
      for (const id of BROKERS) await this.#start(id)
      await this.#beatAll()
      await this.controller.attend()
    }
    const stopping = [...this.image.brokers.values()].filter(({ fenced, inControlledShutdown }) => fenced || inControlledShutdown)
    expect(stopping).toEqual([])
    for (const topic of this.image.topicsById.values()) for (const partition of topic.partitions) if (partition.leader < 0) throw new Error(`nobody leads ${topic.name}-${partition.index}: ${JSON.stringify(partition)}`)
  }

  #check(before: ClusterImage, records: readonly MetadataRecord[]): void {
    const changed = new Set(records.flatMap((record) => (record.name === 'PartitionChangeRecord' ? [record.value.topicId] : [])))
    for (const [id, topic] of this.image.topicsById) {
      for (const partition of topic.partitions) {
        const earlier = before.topicsById.get(id)?.partitions[partition.index]
        try {
          this.#checkPartition(earlier, partition)
        } catch (error) {
          throw new Error(`${(error as Error).message}\nof ${topic.name}-${partition.index}, changed: ${changed.has(id)}\nbefore ${JSON.stringify(earlier)}\nafter ${JSON.stringify(partition)}\nrecords ${JSON.stringify(records, (_key, value) => (typeof value === 'bigint' ? String(value) : value))}`, { cause: error })
        }
      }
    }
    // A snapshot is the same state.
    if (this.#random(20) !== 0) return
    const copy = new MetadataDelta(emptyImage(CLUSTER_ID))
    for (const record of imageRecords(this.image)) copy.replay(record)
    const image = copy.apply(this.image.offset)
    expect([...image.topicsById.values()].sort(byName)).toEqual([...this.image.topicsById.values()].sort(byName))
    expect(new Map(image.brokers)).toEqual(new Map(this.image.brokers))
  }

  #checkPartition(earlier: PartitionImage | undefined, now: PartitionImage): void {
    const { leader, isr, replicas, eligibleLeaderReplicas, directories } = now
    const hold = (what: string, holds: boolean): void => {
      if (!holds) throw new Error(`broken: ${what}`)
    }
    hold('replicas are there, each once', replicas.length > 0 && new Set(replicas).size === replicas.length)
    hold('the ISR is of replicas, each once', isr.every((id) => replicas.includes(id)) && new Set(isr).size === isr.length)
    hold('eligible leaders are replicas that are not in sync', eligibleLeaderReplicas.every((id) => replicas.includes(id) && !isr.includes(id)))
    hold('eligible leaders only with the feature', this.#eligibleLeaders || (eligibleLeaderReplicas.length === 0 && isr.length > 0))
    hold('a leader is in sync', leader === -1 || isr.includes(leader))
    hold('a directory for each replica', directories.length === replicas.length)
    const broker = this.image.brokers.get(leader)
    const wasLeading = earlier?.leader === leader && earlier.leaderEpoch === now.leaderEpoch
    hold('a leader is registered', leader === -1 || broker !== undefined)
    // One that came back cleanly leads on what only it has; one on its way out is relieved step by step.
    hold('no broker that is fenced leads, but by itself', broker === undefined || !broker.fenced || (wasLeading && isr.length === 1))
    if (earlier === undefined) return
    hold('epochs never fall', now.leaderEpoch >= earlier.leaderEpoch && now.partitionEpoch >= earlier.partitionEpoch)
    hold('another leader, another epoch', leader === earlier.leader || now.leaderEpoch > earlier.leaderEpoch)
    const isSame = JSON.stringify({ ...now, partitionEpoch: 0 }) === JSON.stringify({ ...earlier, partitionEpoch: 0 })
    hold('another state, another partition epoch', isSame || now.partitionEpoch > earlier.partitionEpoch)
    if (leader === -1 || leader === earlier.leader) return
    const hadAllRecords = earlier.isr.includes(leader) || earlier.eligibleLeaderReplicas.includes(leader)
    // The one exception without anybody's leave: nobody else is left, and it led last (KIP-966).
    const ledLast = this.#eligibleLeaders && now.leaderRecoveryState === 1 && earlier.isr.length === 0 && eligibleLeaderReplicas.length === 0 && earlier.lastKnownElr[0] === leader
    // The leader before it said so, and with that a reassignment was complete.
    const cameInSync = this.#reportedIsr.includes(leader)
    hold('who leads had all records', hadAllRecords || ledLast || cameInSync || this.#allowsUnclean || this.#uncleanAsked)
    hold('who may lack records is to recover', hadAllRecords || cameInSync || now.leaderRecoveryState === 1 || this.#allowsUnclean)
  }

  #pickPartition(): [ReturnType<typeof idOf>, PartitionImage] | [undefined, undefined] {
    const topics = [...this.image.topicsById.values()].filter(({ partitions }) => partitions.length > 0)
    const topic: (typeof topics)[number] | undefined = this.#pick(topics)
    return topic === undefined ? [undefined, undefined] : [topic.id, this.#pick(topic.partitions)]
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random(Math.max(1, from.length))] as T
  }
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1
}

const KINDS = [
  [true, false],
  [true, true],
  [false, false],
  [false, true],
] as const

test.each(KINDS)('lives with eligible leaders: %s, unclean elections: %s', async (eligibleLeaders, allowsUnclean) => {
  const seeds = process.env.SEED === undefined ? Array.from({ length: Number(process.env.LIVES ?? 12) }, (_, seed) => seed) : [Number(process.env.SEED)]
  for (const seed of seeds) {
    const life = new Life(seed, eligibleLeaders, allowsUnclean)
    await life.run().catch((error: unknown) => {
      throw new Error(`SEED=${seed}: ${(error as Error).message}`, { cause: error })
    })
    expect(life.changeCount).toBeGreaterThan(50)
  }
})
