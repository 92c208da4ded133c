// The data plane in memory, for tests of the control plane: keeps batches, tracks transactions, answers like the real
// one, and can be told to fail or to hold appends back. Whatever lives on a `FakeDisk` outlasts the data plane, as files do.

import type {
  BatchProducer,
  ClusterState,
  DataPlane,
  DataPlaneEvent,
  DataPlaneMetrics,
  ForwardedRequest,
  ListenerAddress,
  ListenerOptions,
  LogDirSummary,
  PartitionOffsets,
  PartitionState,
  ProducerSummary,
  RawRecords,
  RecordToAppend,
  SegmentSummary,
  StoredBatch,
  TopicPartition,
  TopicState,
} from '../../src/native.ts'
import { KafkaError } from '../../src/protocol/error-codes.ts'
import { MillraceError } from '../../src/shared/errors.ts'
import type { Uuid } from '../../src/shared/uuid.ts'

type HeldAppend = { topic: string; partition: number; resolve: () => void; reject: (error: Error) => void }
type FakeSegment = { baseOffset: bigint; batches: StoredBatch[]; lastModifiedMs: number }
type FakeLog = {
  id: Uuid
  logStartOffset: bigint
  segments: FakeSegment[]
  /** First offset of each open transaction, by producer. */
  openTransactions: Map<bigint, bigint>
  producers: Map<bigint, ProducerSummary>
}

export class FakeDisk {
  readonly logs = new Map<string, FakeLog>()
}

export type FakeAnswer = { payload: Uint8Array } | { disconnected: string }

export class FakeDataPlane implements DataPlane {
  readonly disk: FakeDisk
  readonly topics = new Map<string, TopicState>()
  readonly listeners: ListenerOptions[] = []
  /** What it was last told of the cluster; alone until then. */
  cluster: ClusterState | undefined
  /** ISR proposals that were settled without a change, as they were told. */
  readonly settledIsrs: { topic: string; partition: number; leaderEpoch: number; partitionEpoch: number }[] = []
  replicationQuotas = { leaderBytesPerSecond: Infinity, followerBytesPerSecond: Infinity }
  cleanStart = true
  previousBrokerEpoch = -1
  closed = false
  readonly #nodeId: number | undefined
  readonly #nowMs: () => number
  readonly #answers = new Map<number, (answer: FakeAnswer) => void>()
  #requestHandler: ((request: ForwardedRequest) => void) | undefined
  #eventHandler: ((event: DataPlaneEvent) => void) | undefined
  #nextRequestId = 0
  #appendFailure: Error | undefined
  #heldAppends: HeldAppend[] | undefined

  /** With a node id it appends only where it leads, as the real one; without, wherever it has a partition. */
  constructor(options: { disk?: FakeDisk; nowMs?: () => number; nodeId?: number } = {}) {
    this.disk = options.disk ?? new FakeDisk()
    this.#nodeId = options.nodeId
    this.#nowMs = options.nowMs ?? Date.now
  }

  // ---- what tests do to it ----

  /** Brings in a request as a connection would and waits for its outcome. */
  request(frame: Uint8Array, listener = 'PLAINTEXT'): Promise<FakeAnswer> {
    const requestId = this.#nextRequestId++
    return new Promise((resolve) => {
      this.#answers.set(requestId, resolve)
      this.#requestHandler?.({ requestId, listener, clientAddress: '127.0.0.1', frame })
    })
  }

  emit(event: DataPlaneEvent): void {
    this.#eventHandler?.(event)
  }

  /** The next append rejects with this error and stores nothing. */
  failNextAppend(error: Error): void {
    this.#appendFailure = error
  }

  /** From now on appends are stored but stay unacknowledged until `releaseAppends`. */
  holdAppends(): void {
    this.#heldAppends = []
  }

  releaseAppends(): void {
    const held = this.#heldAppends ?? []
    this.#heldAppends = undefined
    for (const { resolve } of held) resolve()
  }

  /** All batches of a partition, without waiting. */
  batches(topic: string, partition: number): StoredBatch[] {
    return this.#log(topic, partition).segments.flatMap((segment) => segment.batches)
  }

  // ---- DataPlane ----

  listen(listener: ListenerOptions): ListenerAddress {
    this.listeners.push(listener)
    return { name: listener.name, host: listener.host, port: listener.port === 0 ? 40_000 + this.listeners.length : listener.port }
  }

  onRequest(handler: (request: ForwardedRequest) => void): void {
    this.#requestHandler = handler
  }

  onEvent(handler: (event: DataPlaneEvent) => void): void {
    this.#eventHandler = handler
  }

  respond(requestId: number, payload: Uint8Array): void {
    this.#answer(requestId, { payload })
  }

  onVerify(): void {}

  verified(): void {}

  disconnect(requestId: number, reason: string): void {
    this.#answer(requestId, { disconnected: reason })
  }

  applyTopics(upserts: TopicState[], removedTopicIds: Uuid[]): void {
    for (const removed of removedTopicIds) {
      for (const [name, topic] of this.topics) if (topic.id === removed) this.topics.delete(name)
      for (const [key, log] of this.disk.logs) if (log.id === removed) this.disk.logs.delete(key)
    }
    for (const topic of upserts) {
      this.topics.set(topic.name, topic)
      for (const { index } of topic.partitions) {
        const key = `${topic.name}-${index}`
        if (!this.disk.logs.has(key)) this.disk.logs.set(key, emptyLog(topic.id, this.#nowMs()))
      }
    }
    this.#heldAppends = this.#heldAppends?.filter(({ topic, partition, reject }) => {
      const leads = this.#leads(topic, partition)
      if (!leads) reject(new KafkaError('NOT_LEADER_OR_FOLLOWER', `${topic}-${partition} is led by another broker now`))
      return leads
    })
  }

  setCluster(state: ClusterState): void {
    this.cluster = state
  }

  settleIsr(topic: string, partition: number, leaderEpoch: number, partitionEpoch: number): void {
    this.settledIsrs.push({ topic, partition, leaderEpoch, partitionEpoch })
  }

  setReplicationQuotas(leaderBytesPerSecond: number, followerBytesPerSecond: number): void {
    this.replicationQuotas = { leaderBytesPerSecond, followerBytesPerSecond }
  }

  listLocalTopics(): { name: string; id: Uuid | null; partitions: number[]; logDir: string }[] {
    const found = new Map<string, { name: string; id: Uuid | null; partitions: number[]; logDir: string }>()
    for (const [key, log] of this.disk.logs) {
      const dash = key.lastIndexOf('-')
      const name = key.slice(0, dash)
      const topic = found.get(name) ?? { name, id: log.id, partitions: [], logDir: '/fake' }
      topic.partitions.push(Number(key.slice(dash + 1)))
      found.set(name, topic)
    }
    return [...found.values()]
  }

  async append(topic: string, partition: number, records: RecordToAppend[], producer: BatchProducer | null): Promise<bigint> {
    this.#checkAppend(topic, partition)
    const log = this.#log(topic, partition)
    const baseOffset = logEndOffset(log)
    const nowMs = this.#nowMs()
    const stored = records.map((record, index) => ({
      offset: baseOffset + BigInt(index),
      timestampMs: record.timestampMs ?? nowMs,
      key: record.key,
      value: record.value,
      headers: record.headers,
    }))
    const sizeBytes = stored.reduce((sum, record) => sum + 7 + (record.key?.length ?? 0) + (record.value?.length ?? 0), 61)
    const transactional = producer?.transactional ?? false
    this.#store(log, {
      baseOffset,
      lastOffset: baseOffset + BigInt(records.length - 1),
      leaderEpoch: this.#leaderEpoch(topic, partition),
      producerId: producer?.producerId ?? -1n,
      producerEpoch: producer?.producerEpoch ?? -1,
      baseSequence: -1,
      transactional,
      control: null,
      compression: 'none',
      sizeBytes,
      records: stored,
    })
    if (producer !== null) {
      if (transactional && !log.openTransactions.has(producer.producerId)) log.openTransactions.set(producer.producerId, baseOffset)
      log.producers.set(producer.producerId, {
        producerId: producer.producerId,
        producerEpoch: producer.producerEpoch,
        lastSequence: -1,
        lastTimestampMs: nowMs,
        coordinatorEpoch: -1,
        currentTxnStartOffset: log.openTransactions.get(producer.producerId) ?? -1n,
      })
    }
    await this.#acknowledge(topic, partition)
    return baseOffset
  }

  async appendMarker(topic: string, partition: number, producerId: bigint, producerEpoch: number, coordinatorEpoch: number, commit: boolean): Promise<void> {
    this.#checkAppend(topic, partition)
    const log = this.#log(topic, partition)
    const baseOffset = logEndOffset(log)
    this.#store(log, {
      baseOffset,
      lastOffset: baseOffset,
      leaderEpoch: this.#leaderEpoch(topic, partition),
      producerId,
      producerEpoch,
      baseSequence: -1,
      transactional: true,
      control: { type: commit ? 'COMMIT' : 'ABORT', coordinatorEpoch },
      compression: 'none',
      sizeBytes: 78,
      records: [],
    })
    log.openTransactions.delete(producerId)
    log.producers.set(producerId, { producerId, producerEpoch, lastSequence: -1, lastTimestampMs: this.#nowMs(), coordinatorEpoch, currentTxnStartOffset: -1n })
    await this.#acknowledge(topic, partition)
  }

  async read(topic: string, partition: number, offset: bigint, maxBytes: number): Promise<StoredBatch[]> {
    const log = this.#log(topic, partition)
    if (offset < log.logStartOffset || offset > logEndOffset(log)) {
      throw new MillraceError('OFFSET_OUT_OF_RANGE', `offset ${offset} is outside ${topic}-${partition}`)
    }
    const result: StoredBatch[] = []
    let sizeBytes = 0
    for (const batch of log.segments.flatMap((segment) => segment.batches)) {
      if (batch.lastOffset < offset) continue
      if (result.length > 0 && sizeBytes + batch.sizeBytes > maxBytes) break
      result.push(batch)
      sizeBytes += batch.sizeBytes
    }
    return result
  }

  async readRaw(): Promise<RawRecords> {
    throw new Error('the data plane in memory keeps no bytes')
  }

  watch(): () => void {
    return () => {}
  }

  async offsetForTimestamp(topic: string, partition: number, timestampMs: number): Promise<{ offset: bigint; timestampMs: number } | null> {
    for (const batch of this.batches(topic, partition)) {
      for (const record of batch.records) {
        if (record.timestampMs >= timestampMs) return { offset: record.offset, timestampMs: record.timestampMs }
      }
    }
    return null
  }

  async deleteRecords(topic: string, partition: number, beforeOffset: bigint): Promise<bigint> {
    const log = this.#log(topic, partition)
    const endOffset = logEndOffset(log)
    const target = beforeOffset === -1n ? endOffset : beforeOffset
    if (target > endOffset || target < 0n) throw new MillraceError('OFFSET_OUT_OF_RANGE', `cannot delete before ${beforeOffset}`)
    if (target > log.logStartOffset) log.logStartOffset = target
    while (log.segments.length > 1 && (log.segments[1]?.baseOffset ?? 0n) <= log.logStartOffset) log.segments.shift()
    return log.logStartOffset
  }

  partitionOffsets(partitions: TopicPartition[]): (PartitionOffsets | null)[] {
    return partitions.map(({ topic, partition }) => {
      const log = this.disk.logs.get(`${topic}-${partition}`)
      if (log === undefined || !this.topics.has(topic)) return null
      const endOffset = logEndOffset(log)
      const open = [...log.openTransactions.values()]
      return {
        logStartOffset: log.logStartOffset,
        highWatermark: endOffset,
        lastStableOffset: open.reduce((least, first) => (first < least ? first : least), endOffset),
        logEndOffset: endOffset,
        leaderEpoch: this.#leaderEpoch(topic, partition),
        sizeBytes: log.segments.reduce((sum, segment) => sum + segmentSize(segment), 0),
        segmentCount: log.segments.length,
        logDir: '/fake',
      }
    })
  }

  listSegments(topic: string, partition: number): SegmentSummary[] | null {
    const log = this.disk.logs.get(`${topic}-${partition}`)
    if (log === undefined || !this.topics.has(topic)) return null
    return log.segments.map((segment, index) => ({
      baseOffset: segment.baseOffset,
      sizeBytes: segmentSize(segment),
      maxTimestampMs: Math.max(-1, ...segment.batches.flatMap((batch) => batch.records.map((record) => record.timestampMs))),
      lastModifiedMs: segment.lastModifiedMs,
      active: index === log.segments.length - 1,
    }))
  }

  retentionCandidates(ageMs: number): TopicPartition[] {
    const before = this.#nowMs() - ageMs
    return [...this.topics.values()].flatMap((topic) =>
      topic.partitions
        .filter(({ index }) => {
          const segments = this.#log(topic.name, index).segments
          return segments.length > 1 || segments.some((segment) => segment.batches.some((batch) => batch.records.some((record) => record.timestampMs < before)))
        })
        .map(({ index }) => ({ topic: topic.name, partition: index })),
    )
  }

  async rollSegment(topic: string, partition: number): Promise<void> {
    const log = this.#log(topic, partition)
    if (log.segments.at(-1)?.batches.length === 0) return
    log.segments.push({ baseOffset: logEndOffset(log), batches: [], lastModifiedMs: this.#nowMs() })
  }

  describeProducers(topic: string, partition: number): ProducerSummary[] | null {
    const log = this.disk.logs.get(`${topic}-${partition}`)
    return log === undefined || !this.topics.has(topic) ? null : [...log.producers.values()]
  }

  logDirs(): LogDirSummary[] {
    return [{ path: '/fake', error: null, totalBytes: 1_000_000_000n, usableBytes: 500_000_000n }]
  }

  compactionNeeds(): never[] {
    return []
  }

  async compact(): Promise<{ bytesRead: number; bytesWritten: number; recordsRead: number; recordsKept: number }> {
    return { bytesRead: 0, bytesWritten: 0, recordsRead: 0, recordsKept: 0 }
  }

  readonly movedReplicas: { topic: string; partition: number; logDir: string }[] = []

  async moveReplica(topic: string, partition: number, logDir: string): Promise<void> {
    this.#log(topic, partition)
    this.movedReplicas.push({ topic, partition, logDir })
  }

  async topicSizes(): Promise<{ name: string; bytes: number }[]> {
    return [...this.topics.values()].map(({ name, partitions }) => ({
      name,
      bytes: partitions.reduce((sum, { index }) => sum + this.#log(name, index).segments.reduce((bytes, segment) => bytes + segmentSize(segment), 0), 0),
    }))
  }

  metrics(): DataPlaneMetrics {
    return {
      connectionCount: 0,
      connectionsAccepted: 0,
      connectionsRejected: 0,
      bytesIn: 0,
      bytesOut: 0,
      recordsIn: 0,
      batchesIn: 0,
      fetchSessionCount: 0,
      parkedFetchCount: 0,
      apis: [],
      topics: [],
    }
  }

  async close(): Promise<void> {
    this.closed = true
    this.#requestHandler = undefined
  }

  #answer(requestId: number, answer: FakeAnswer): void {
    const resolve = this.#answers.get(requestId)
    if (resolve === undefined) throw new Error(`request ${requestId} is unknown or was answered before`)
    this.#answers.delete(requestId)
    resolve(answer)
  }

  #log(topic: string, partition: number): FakeLog {
    const log = this.disk.logs.get(`${topic}-${partition}`)
    if (log === undefined || !this.topics.has(topic)) throw new MillraceError('UNKNOWN_TOPIC_OR_PARTITION', `no partition ${topic}-${partition}`)
    return log
  }

  #leaderEpoch(topic: string, partition: number): number {
    return this.topics.get(topic)?.partitions.find(({ index }) => index === partition)?.leaderEpoch ?? 0
  }

  #checkAppend(topic: string, partition: number): void {
    const failure = this.#appendFailure
    this.#appendFailure = undefined
    if (failure !== undefined) throw failure
    if (!this.#leads(topic, partition)) throw new KafkaError('NOT_LEADER_OR_FOLLOWER', `${topic}-${partition} is led by another broker`)
  }

  #leads(topic: string, partition: number): boolean {
    if (this.#nodeId === undefined) return true
    const state = this.topics.get(topic)?.partitions.find(({ index }) => index === partition)
    return state === undefined || state.leader === this.#nodeId
  }

  #store(log: FakeLog, batch: StoredBatch): void {
    const segment = log.segments.at(-1)
    segment?.batches.push(batch)
    if (segment !== undefined) segment.lastModifiedMs = this.#nowMs()
  }

  async #acknowledge(topic: string, partition: number): Promise<void> {
    const held = this.#heldAppends
    if (held !== undefined) await new Promise<void>((resolve, reject) => held.push({ topic, partition, resolve, reject }))
  }
}

/** A partition with one replica, which leads it. */
export function partitionState(index: number, nodeId: number, leaderEpoch = 0): PartitionState {
  return { index, leader: nodeId, leaderEpoch, partitionEpoch: 0, replicas: [nodeId], isr: [nodeId], leaderThrottled: false, followerThrottled: false }
}

function emptyLog(id: Uuid, nowMs: number): FakeLog {
  return {
    id,
    logStartOffset: 0n,
    segments: [{ baseOffset: 0n, batches: [], lastModifiedMs: nowMs }],
    openTransactions: new Map(),
    producers: new Map(),
  }
}

function logEndOffset(log: FakeLog): bigint {
  for (let index = log.segments.length - 1; index >= 0; index--) {
    const last = log.segments[index]?.batches.at(-1)
    if (last !== undefined) return last.lastOffset + 1n
  }
  return log.segments.at(-1)?.baseOffset ?? 0n
}

function segmentSize(segment: FakeSegment): number {
  return segment.batches.reduce((sum, batch) => sum + batch.sizeBytes, 0)
}
