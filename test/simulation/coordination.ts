// The coordinators of a simulated process, composed as `BrokerNode` composes them, on replicas of the simulated disk.

import type { ApiHandlers } from '../../src/broker/api.ts'
import type { BrokerContext } from '../../src/broker/broker-context.ts'
import { ClusterView } from '../../src/broker/cluster-view.ts'
import type { ControllerClient } from '../../src/broker/controller-client.ts'
import { Coordinators } from '../../src/broker/coordinators.ts'
import { loadBrokerConfig } from '../../src/config/broker-config.ts'
import type { InterBroker } from '../../src/interbroker/inter-broker.ts'
import type { ClusterConfigs } from '../../src/metadata/cluster-configs.ts'
import type { ClusterImage } from '../../src/metadata/cluster-image.ts'
import type { MetadataRuntime } from '../../src/metadata/metadata-runtime.ts'
import type { TopicCreator } from '../../src/metadata/topic-creator.ts'
import { translated } from '../../src/native/addon-data-plane.ts'
import { Packer } from '../../src/native/packing.ts'
import { packRecords, unpackBatches } from '../../src/native/stored-batches.ts'
import type { BatchProducer, DataPlane, PartitionOffsets, RecordToAppend, StoredBatch, TopicPartition } from '../../src/native.ts'
import { errorName, KafkaError } from '../../src/protocol/error-codes.ts'
import type { Clock } from '../../src/shared/clock.ts'
import { Logging } from '../../src/shared/logger.ts'
import type { Timers } from '../../src/shared/timers.ts'
import type { Planted } from './planted.ts'
import { PENDING } from './replicas.ts'
import type { AppendOutcome, SimulatedReplicas } from './replicas.ts'

/** A coordinator that loads reads in several pieces. */
const READ_BYTES_MAX = 8192
const READ_MS_MAX = 12
const SETTINGS = new Map([
  ['transaction.abort.timed.out.transaction.cleanup.interval.ms', '1000'],
  ['offsets.commit.timeout.ms', '2500'],
])
const silent = new Logging({ level: 'FATAL', write: () => {} })

export type CoordinationParts = {
  readonly nodeId: number
  readonly replicas: SimulatedReplicas
  readonly process: Clock & Timers
  readonly metadata: MetadataRuntime
  readonly configs: ClusterConfigs
  readonly interBroker: InterBroker
  readonly controllerClient: ControllerClient
  readonly planted: Planted | null
  brokerEpoch(): bigint
  /** Something was appended that is to be flushed. */
  onAppended(): void
  /** Runs in this process after a while, unless that has ended. */
  soon(delayMaxMs: number, what: string, run: () => void): void
}

export class Coordination {
  readonly #coordinators: Coordinators
  readonly #dataPlane: CoordinatorReplicas

  constructor(parts: CoordinationParts) {
    const { nodeId, process, metadata, configs, interBroker, controllerClient } = parts
    this.#dataPlane = new CoordinatorReplicas(parts)
    const context: BrokerContext = {
      config: { ...loadBrokerConfig([{ origin: 'simulation', values: SETTINGS }]), nodeId },
      clock: process, timers: process, logging: silent, metadata, configs, interBroker, controllerClient,
      dataPlane: this.#dataPlane as Partial<DataPlane> as DataPlane,
      view: new ClusterView(() => metadata.image),
      // All topics are there before anybody asks; who has not heard of them yet has those who ask try again.
      topicCreator: { begin: () => {} } as Partial<TopicCreator> as TopicCreator,
    }
    this.#coordinators = new Coordinators({ ...context, brokerEpoch: () => parts.brokerEpoch(), latestOffset: () => Promise.resolve('LEADER_NOT_AVAILABLE') })
  }

  get handlers(): ApiHandlers {
    return this.#coordinators.handlers
  }

  begin(image: ClusterImage): void {
    this.#coordinators.begin(image)
  }

  start(): void {
    this.#coordinators.start()
  }

  follow(image: ClusterImage): void {
    this.#coordinators.follow(image, [])
  }

  /** Tells those who wait of what has become of it. */
  look(): void {
    this.#dataPlane.look()
  }
}

type Pending = { readonly baseOffset: number; readonly resolve: (baseOffset: bigint) => void; readonly reject: (error: KafkaError) => void }
type Watch = { isArmed: boolean; readonly waiting: Set<() => void> }

/** What coordinators ask of a data plane. */
class CoordinatorReplicas implements Pick<DataPlane, 'append' | 'appendMarker' | 'read' | 'partitionOffsets' | 'watch'> {
  readonly #parts: CoordinationParts
  readonly #packer = new Packer()
  readonly #pending = new Map<number, Pending>()
  readonly #watches: Watch[] = []
  readonly #watchIds = new Map<string, number>()

  constructor(parts: CoordinationParts) {
    this.#parts = parts
  }

  append(topic: string, partition: number, records: RecordToAppend[], producer: BatchProducer | null): Promise<bigint> {
    const { producerId, producerEpoch, transactional } = producer ?? { producerId: -1n, producerEpoch: -1, transactional: false }
    return this.#tracked(this.#parts.replicas.appendRecords(topic, partition, packRecords(records, this.#packer), Number(producerId), producerEpoch, transactional))
  }

  async appendMarker(topic: string, partition: number, producerId: bigint, producerEpoch: number, coordinatorEpoch: number, commit: boolean, bumpsEpoch: boolean): Promise<void> {
    await this.#tracked(this.#parts.replicas.appendMarker(topic, partition, Number(producerId), producerEpoch, coordinatorEpoch, commit, bumpsEpoch))
  }

  /** As on a thread of its own, it takes a while. */
  read(topic: string, partition: number, offset: bigint, maxBytes: number): Promise<StoredBatch[]> {
    return new Promise((resolve, reject) => this.#parts.soon(READ_MS_MAX, `read of ${topic}-${partition}`, () => {
      try {
        resolve(unpackBatches(this.#parts.replicas.read(topic, partition, Number(offset), Math.min(maxBytes, READ_BYTES_MAX))))
      } catch (error) {
        reject(translated(error))
      }
    }))
  }

  partitionOffsets(partitions: TopicPartition[]): (PartitionOffsets | null)[] {
    return partitions.map(({ topic, partition }) => {
      const offsets = this.#parts.replicas.offsets(topic, partition)
      if (offsets === null) return null
      const logStartOffset = BigInt(offsets.logStartOffset)
      const highWatermark = BigInt(offsets.highWatermark)
      const ends: Partial<Record<Planted, bigint>> = { 'a coordinator answers before its log is loaded': logStartOffset, 'a coordinator loads to the high watermark that it finds': highWatermark }
      const logEndOffset = ends[this.#parts.planted as Planted] ?? BigInt(offsets.logEndOffset)
      return { logStartOffset, highWatermark, logEndOffset, lastStableOffset: highWatermark, leaderEpoch: offsets.leaderEpoch, sizeBytes: 0, segmentCount: 1, logDir: '' }
    })
  }

  watch(topic: string, partition: number, onAdvance: () => void): () => void {
    const name = `${topic}-${partition}`
    const id = this.#watchIds.get(name) ?? this.#watches.push({ isArmed: false, waiting: new Set() }) - 1
    this.#watchIds.set(name, id)
    const watch = this.#watches[id] as Watch
    try {
      if (!watch.isArmed) this.#parts.replicas.watch(topic, partition, id)
    } catch (error) {
      throw translated(error)
    }
    watch.isArmed = true
    watch.waiting.add(onAdvance)
    return () => watch.waiting.delete(onAdvance)
  }

  look(): void {
    const { replicas } = this.#parts
    for (const [token, { baseOffset, resolve, reject }] of this.#pending) {
      const code = replicas.outcome(token)
      if (code === PENDING) continue
      this.#pending.delete(token)
      if (code === 0) resolve(BigInt(baseOffset))
      else reject(new KafkaError(errorName(code)))
    }
    for (const id of replicas.advanced()) {
      const watch = this.#watches[id]
      if (watch === undefined) continue
      watch.isArmed = false
      const waiting = [...watch.waiting]
      watch.waiting.clear()
      for (const tell of waiting) tell()
    }
  }

  #tracked({ errorCode, token, baseOffset }: AppendOutcome): Promise<bigint> {
    if (errorCode !== PENDING) return Promise.reject(new KafkaError(errorName(errorCode)))
    this.#parts.onAppended()
    if (this.#parts.planted === 'a coordinator acknowledges before the ISR has it') return Promise.resolve(BigInt(baseOffset))
    return new Promise((resolve, reject) => this.#pending.set(token, { baseOffset, resolve, reject }))
  }
}
