// The data plane over the addon: packs, unpacks, and turns native failures into KafkaErrors.

import type {
  BatchProducer,
  ClusterState,
  CompactionNeed,
  CompactionReport,
  CompactionSettings,
  DataPlane,
  DataPlaneEvent,
  DataPlaneMetrics,
  DataPlaneOptions,
  ForwardedRequest,
  ListenerAddress,
  ListenerOptions,
  LogDirSummary,
  PartitionOffsets,
  ProducerSummary,
  RawRecords,
  RecordToAppend,
  SegmentSummary,
  StoredBatch,
  TopicPartition,
  TopicState,
  TransactionVerification,
} from '../native.ts'
import { ERRORS, KafkaError, errorName } from '../protocol/error-codes.ts'
import { MillraceError, errorMessage } from '../shared/errors.ts'
import type { Uuid } from '../shared/uuid.ts'
import { loadAddon } from './addon.ts'
import type { AddonDataPlane, AddonTopicState } from './addon.ts'
import { readInbox } from './inbox.ts'
import { Outbox } from './outbox.ts'
import { Packer } from './packing.ts'
import { unpackRawRecords } from './raw-records.ts'
import { packRecords, unpackBatches } from './stored-batches.ts'

const INBOX_BYTES = 256 * 1024
const OFFSET_FIELDS = 9
const SEGMENT_FIELDS = 5
const PRODUCER_FIELDS = 6
const COMPACTION_FIELDS = 4

type Watch = { readonly id: number; armed: boolean; readonly waiting: Set<() => void> }
type PendingAppend = { resolve: (baseOffset: bigint) => void; reject: (error: Error) => void }

/** Opens the directories and starts the threads. Throws a MillraceError with code DATA_PLANE where it cannot. */
export async function openDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const { NativeDataPlane } = await loadAddon()
  return new AddonBackedDataPlane((wake) => new NativeDataPlane({ ...options, rack: options.rack ?? undefined }, wake), options.logDirs)
}

class AddonBackedDataPlane implements DataPlane {
  readonly #addon: AddonDataPlane
  readonly #logDirs: readonly string[]
  readonly #listeners: string[] = []
  readonly #inbox = Buffer.allocUnsafeSlow(INBOX_BYTES)
  readonly #outbox: Outbox
  readonly #packer = new Packer()
  readonly #appends = new Map<number, PendingAppend>()
  /** One per partition that was ever watched, however many wait: the native side tells once and forgets. */
  readonly #watches = new Map<string, Watch>()
  readonly #watchNames: string[] = []
  /** Requests that came before there was a handler. */
  #early: ForwardedRequest[] = []
  #onRequest: ((request: ForwardedRequest) => void) | null = null
  #onVerify: ((verification: TransactionVerification) => void) | null = null
  #onEvent: ((event: DataPlaneEvent) => void) | null = null
  #closed = false

  constructor(open: (wake: () => void) => AddonDataPlane, logDirs: readonly string[]) {
    this.#logDirs = logDirs
    this.#addon = translate(() => open(() => this.#drain()))
    this.#outbox = new Outbox((packed) => this.#addon.respond(packed))
  }

  listen(listener: ListenerOptions): ListenerAddress {
    const index = this.#listeners.push(listener.name) - 1
    const bound = translate(() => this.#addon.listen(index, listener.host, listener.port))
    return { name: listener.name, host: bound.host, port: bound.port }
  }

  onRequest(handler: (request: ForwardedRequest) => void): void {
    this.#onRequest = handler
    const early = this.#early
    this.#early = []
    for (const request of early) handler(request)
  }

  onVerify(handler: (verification: TransactionVerification) => void): void {
    this.#onVerify = handler
  }

  onEvent(handler: (event: DataPlaneEvent) => void): void {
    this.#onEvent = handler
  }

  respond(requestId: number, payload: Uint8Array): void {
    this.#outbox.respond(requestId, payload)
  }

  disconnect(requestId: number, reason: string): void {
    this.#outbox.disconnect(requestId)
    this.#onEvent?.({ kind: 'connectionClosed', listener: '', peer: '', reason })
  }

  verified(requestId: number, errorCodes: readonly number[]): void {
    this.#outbox.verified(requestId, errorCodes)
  }

  applyTopics(upserts: TopicState[], removedTopicIds: Uuid[]): void {
    translate(() => this.#addon.applyTopics(upserts.map(addonTopicState), removedTopicIds))
  }

  setCluster(state: ClusterState): void {
    translate(() => this.#addon.setCluster({ ...state, peers: state.peers.map((peer) => ({ ...peer, rack: peer.rack ?? undefined })) }))
  }

  settleIsr(topic: string, partition: number, leaderEpoch: number, partitionEpoch: number): void {
    this.#addon.settleIsr(topic, partition, leaderEpoch, partitionEpoch)
  }

  setReplicationQuotas(leaderBytesPerSecond: number, followerBytesPerSecond: number): void {
    this.#addon.setReplicationQuotas(leaderBytesPerSecond, followerBytesPerSecond)
  }

  get cleanStart(): boolean {
    return this.#addon.cleanStart
  }

  get previousBrokerEpoch(): number {
    return this.#addon.previousBrokerEpoch
  }

  listLocalTopics(): { name: string; id: Uuid | null; partitions: number[]; logDir: string }[] {
    return translate(() => this.#addon.listLocalTopics()).map((topic) => ({ ...topic, id: (topic.id ?? null) as Uuid | null }))
  }

  append(topic: string, partition: number, records: RecordToAppend[], producer: BatchProducer | null): Promise<bigint> {
    const packed = packRecords(records, this.#packer)
    const { producerId, producerEpoch, transactional } = producer ?? NO_PRODUCER
    return this.#tracked(() => this.#addon.append(topic, partition, packed, Number(producerId), producerEpoch, transactional, Date.now()))
  }

  async appendMarker(topic: string, partition: number, producerId: bigint, producerEpoch: number, coordinatorEpoch: number, commit: boolean, bumpsEpoch: boolean): Promise<void> {
    await this.#tracked(() => this.#addon.appendMarker(topic, partition, Number(producerId), producerEpoch, coordinatorEpoch, commit, bumpsEpoch, Date.now()))
  }

  async read(topic: string, partition: number, offset: bigint, maxBytes: number): Promise<StoredBatch[]> {
    return unpackBatches(await translateAsync(() => this.#addon.read(topic, partition, Number(offset), maxBytes)))
  }

  async readRaw(topic: string, partition: number, offset: bigint, maxBytes: number, isolation: 'read_committed' | 'read_uncommitted'): Promise<RawRecords> {
    return unpackRawRecords(await translateAsync(() => this.#addon.readRaw(topic, partition, Number(offset), maxBytes, isolation === 'read_committed')))
  }

  watch(topic: string, partition: number, onAdvance: () => void): () => void {
    const name = `${topic}-${partition}`
    let watch = this.#watches.get(name)
    if (watch === undefined) {
      watch = { id: this.#watchNames.push(name) - 1, armed: false, waiting: new Set() }
      this.#watches.set(name, watch)
    }
    const { id, armed, waiting } = watch
    if (!armed) translate(() => this.#addon.watchPartition(topic, partition, id))
    watch.armed = true
    waiting.add(onAdvance)
    return () => waiting.delete(onAdvance)
  }

  async offsetForTimestamp(topic: string, partition: number, timestampMs: number): Promise<{ offset: bigint; timestampMs: number } | null> {
    const [offset, foundMs] = await translateAsync(() => this.#addon.offsetForTimestamp(topic, partition, timestampMs))
    return offset === undefined || foundMs === undefined ? null : { offset: BigInt(offset), timestampMs: foundMs }
  }

  async deleteRecords(topic: string, partition: number, beforeOffset: bigint): Promise<bigint> {
    return BigInt(await translateAsync(() => this.#addon.deleteRecords(topic, partition, Number(beforeOffset))))
  }

  async rollSegment(topic: string, partition: number): Promise<void> {
    await translateAsync(() => this.#addon.rollSegment(topic, partition))
  }

  partitionOffsets(partitions: TopicPartition[]): (PartitionOffsets | null)[] {
    const topics = partitions.map(({ topic }) => topic)
    const numbers = this.#addon.partitionOffsets(topics, partitions.map(({ partition }) => partition))
    return partitions.map((_, index) => {
      const [present, start, highWatermark, lastStable, end, epoch, size, segments, dir] = row(numbers, OFFSET_FIELDS, index)
      if (present === 0) return null
      return {
        logStartOffset: BigInt(start ?? 0),
        highWatermark: BigInt(highWatermark ?? 0),
        lastStableOffset: BigInt(lastStable ?? 0),
        logEndOffset: BigInt(end ?? 0),
        leaderEpoch: epoch ?? 0,
        sizeBytes: size ?? 0,
        segmentCount: segments ?? 0,
        logDir: this.#logDirs[dir ?? 0] ?? '',
      }
    })
  }

  listSegments(topic: string, partition: number): SegmentSummary[] | null {
    const numbers = this.#addon.listSegments(topic, partition)
    return numbers && rows(numbers, SEGMENT_FIELDS, ([baseOffset = 0, sizeBytes = 0, maxTimestampMs = -1, lastModifiedMs = 0, active = 0]) => ({
      baseOffset: BigInt(baseOffset),
      sizeBytes,
      maxTimestampMs,
      lastModifiedMs,
      active: active === 1,
    }))
  }

  retentionCandidates(ageMs: number): TopicPartition[] {
    return this.#addon.retentionCandidates(ageMs)
  }

  describeProducers(topic: string, partition: number): ProducerSummary[] | null {
    const numbers = this.#addon.describeProducers(topic, partition)
    return numbers && rows(numbers, PRODUCER_FIELDS, ([id = -1, producerEpoch = -1, lastSequence = -1, lastTimestampMs = -1, coordinatorEpoch = -1, start = -1]) => ({
      producerId: BigInt(id),
      producerEpoch,
      lastSequence,
      lastTimestampMs,
      coordinatorEpoch,
      currentTxnStartOffset: BigInt(start),
    }))
  }

  logDirs(): LogDirSummary[] {
    return this.#addon.logDirs().map((dir) => ({
      path: dir.path,
      error: dir.error ?? null,
      totalBytes: BigInt(dir.totalBytes),
      usableBytes: BigInt(dir.usableBytes),
    }))
  }

  compactionNeeds(topic: string, minLagMs: number): CompactionNeed[] {
    const numbers = this.#addon.compactionNeeds(topic, minLagMs)
    return rows(numbers, COMPACTION_FIELDS, ([partition = 0, dirtyBytes = 0, cleanBytes = 0, dirtySinceMs = -1]) => ({ partition, dirtyBytes, cleanBytes, dirtySinceMs }))
  }

  compact(topic: string, partition: number, settings: CompactionSettings): Promise<CompactionReport> {
    const { deleteRetentionMs, minLagMs, mapMemoryBytes, bytesPerSecond } = settings
    return translateAsync(() => this.#addon.compact(topic, partition, deleteRetentionMs, minLagMs, mapMemoryBytes, bytesPerSecond))
  }

  async moveReplica(topic: string, partition: number, logDir: string): Promise<void> {
    await translateAsync(async () => this.#addon.moveReplica(topic, partition, logDir))
  }

  topicSizes(): Promise<{ name: string; bytes: number }[]> {
    return this.#addon.topicSizes()
  }

  metrics(): DataPlaneMetrics {
    return this.#addon.metrics()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#outbox.flush()
    this.#closed = true
    await translateAsync(() => this.#addon.close())
    const gone = new KafkaError('NOT_LEADER_OR_FOLLOWER', 'The broker is stopping.')
    for (const pending of this.#appends.values()) pending.reject(gone)
    this.#appends.clear()
  }

  #drain(): void {
    while (!this.#closed) {
      const length = this.#addon.drain(this.#inbox)
      if (length === 0) return
      if (length > 0) {
        readInbox(this.#inbox, length, this.#listeners, this.#handlers)
      } else {
        const large = Buffer.allocUnsafeSlow(-length)
        readInbox(large, this.#addon.drain(large), this.#listeners, this.#handlers)
      }
    }
  }

  readonly #handlers = {
    request: (request: ForwardedRequest): void => {
      if (this.#onRequest === null) this.#early.push(request)
      else this.#onRequest(request)
    },
    verification: (verification: TransactionVerification): void => {
      if (this.#onVerify !== null) this.#onVerify(verification)
      else this.verified(verification.requestId, verification.partitions.map(() => ERRORS.COORDINATOR_NOT_AVAILABLE.code))
    },
    appendDone: (token: number, code: number, baseOffset: bigint): void => {
      const pending = this.#appends.get(token)
      this.#appends.delete(token)
      if (code === 0) pending?.resolve(baseOffset)
      else pending?.reject(new KafkaError(errorName(code)))
    },
    event: (event: DataPlaneEvent): void => this.#onEvent?.(event),
    advanced: (id: number): void => {
      const watch = this.#watches.get(this.#watchNames[id] ?? '')
      if (watch === undefined) return
      watch.armed = false
      const waiting = [...watch.waiting]
      watch.waiting.clear()
      for (const tell of waiting) tell()
    },
  }

  /** Runs an append; waits for its commit where that has not happened yet. */
  #tracked(append: () => number): Promise<bigint> {
    try {
      const outcome = append()
      if (outcome >= 0) return Promise.resolve(BigInt(outcome))
      return new Promise((resolve, reject) => this.#appends.set(-1 - outcome, { resolve, reject }))
    } catch (error) {
      return Promise.reject(translated(error))
    }
  }
}

const NO_PRODUCER: BatchProducer = { producerId: -1n, producerEpoch: -1, transactional: false }

function row(numbers: Float64Array, fields: number, index: number): Float64Array {
  return numbers.subarray(index * fields, (index + 1) * fields)
}

function rows<T>(numbers: Float64Array, fields: number, make: (row: Float64Array) => T): T[] {
  return Array.from({ length: numbers.length / fields }, (_, index) => make(row(numbers, fields, index)))
}

function translate<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw translated(error)
  }
}

async function translateAsync<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw translated(error)
  }
}

/** Native failures that are protocol outcomes read `KAFKA <code> <message>`. */
export function translated(error: unknown): Error {
  const message = errorMessage(error)
  const match = /^KAFKA (-?\d+) (.*)$/s.exec(message)
  if (match === null) return new MillraceError('DATA_PLANE', message, error)
  return new KafkaError(errorName(Number(match[1])), match[2], error)
}

/** The addon takes what is absent for none, and refuses null. */
export function addonTopicState(topic: TopicState): AddonTopicState {
  const { deliveryDelayMaxMs, ...config } = topic.config
  return { ...topic, config: deliveryDelayMaxMs === null ? config : { ...config, deliveryDelayMaxMs } }
}
