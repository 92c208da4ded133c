// The only way to the native addon. What the broker may ask of the data plane, as plain data and opaque handles:
// every field is present (null where there is nothing), so that a drift between the two languages fails loudly.

import type { Uuid } from './shared/uuid.ts'

export { openDataPlane } from './native/addon-data-plane.ts'
export { findQuorum, openQuorum } from './native/addon-quorum.ts'
export { COMPRESSION_TYPES, loadCodec } from './native/record-codec.ts'
export type { Codec, CompressionType } from './native/record-codec.ts'

export type DataPlaneOptions = {
  nodeId: number
  clusterId: Uuid
  /** Absolute directories that hold partitions; each is locked while the data plane is open. */
  logDirs: string[]
  /** Data-plane threads; each owns its connections. */
  threadCount: number
  requestSizeMaxBytes: number
  connectionsMax: number
  connectionsMaxPerIp: number
  connectionIdleMaxMs: number
  fetchSessionsMax: number
  fetchSizeMaxBytes: number
  producerIdExpirationMs: number
  /** How often recovery points and log start offsets are written to their checkpoint files. */
  checkpointIntervalMs: number
  recoveryThreadCount: number
  /** Where this broker stands; null for nowhere in particular. */
  rack: string | null
  /** Consumers are sent to a replica in their rack (KIP-392). */
  rackAwareReads: boolean
  /** Connections to each broker that this one follows. */
  replicaFetcherCount: number
  replicaFetchMinBytes: number
  /** Of one partition. */
  replicaFetchMaxBytes: number
  replicaFetchResponseMaxBytes: number
  replicaFetchWaitMaxMs: number
  /** How long a partition, or a broker, that could not be fetched from is left alone. */
  replicaFetchBackoffMs: number
  /** A follower that was not caught up for so long falls out of the ISR. */
  replicaLagTimeMaxMs: number
  replicaSocketTimeoutMs: number
  highWatermarkCheckpointIntervalMs: number
}

export type ListenerOptions = { name: string; host: string; port: number }
export type ListenerAddress = { name: string; host: string; port: number }

/**
 * A partition as the metadata has it. One of which this broker holds no replica is absent from its topic; one that becomes
 * absent is given up, and its files go away after `fileDeleteDelayMs`.
 */
export type PartitionState = {
  index: number
  /** -1 where nobody leads. */
  leader: number
  leaderEpoch: number
  partitionEpoch: number
  replicas: number[]
  isr: number[]
  /** Whether KIP-73's throttles hold for this broker's copy: as the leader that others read from, as the follower that reads. */
  leaderThrottled: boolean
  followerThrottled: boolean
}

/** Another broker, on the listener that brokers reach each other on. */
export type Peer = {
  nodeId: number
  host: string
  port: number
  rack: string | null
  /** With -1, as of a fenced broker, its replicas are not proposed for an ISR. */
  brokerEpoch: number
}
/** What the data plane knows of the cluster beside topics. */
export type ClusterState = {
  /** This broker's epoch; -1 until it is registered. */
  brokerEpoch: number
  /** All other registered brokers, fenced or not. */
  peers: Peer[]
  /** KIP-966: the high watermark stands still while the ISR is smaller than `min.insync.replicas`. */
  eligibleLeaderReplicas: boolean
}

/** The settings of a topic that the data plane acts on; sizes in bytes, times in milliseconds, -1 for no limit. */
export type TopicLogConfig = {
  segmentBytes: number
  segmentMs: number
  segmentJitterMs: number
  segmentIndexBytes: number
  indexIntervalBytes: number
  maxMessageBytes: number
  minInsyncReplicas: number
  compressionType: 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  compressionLevel: number
  timestampType: 'CreateTime' | 'LogAppendTime'
  timestampBeforeMaxMs: number
  timestampAfterMaxMs: number
  flushMessages: number
  flushMs: number
  flushOnAck: boolean
  preallocate: boolean
  fileDeleteDelayMs: number
  compacted: boolean
  /** How far ahead a record's header may put its delivery; null where that header is not heeded. */
  deliveryDelayMaxMs: number | null
  /** Whether a record's header ends its life. */
  recordTtl: boolean
}

export type TopicState = { name: string; id: Uuid; internal: boolean; partitions: PartitionState[]; config: TopicLogConfig }

/** A request of an API that the control plane answers. */
export type ForwardedRequest = {
  /** Opaque; goes back with the response. */
  readonly requestId: number
  readonly listener: string
  readonly clientAddress: string
  /** The whole frame after its size: header and body. */
  readonly frame: Uint8Array
}

/** A transactional Produce that waits until the transaction coordinator knows its partitions (KIP-890). */
export type TransactionVerification = {
  readonly requestId: number
  readonly transactionalId: string
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly partitions: readonly TopicPartition[]
  /** From version 12 on a partition that is not yet part of the transaction joins it; before, it is refused. */
  readonly produceVersion: number
}

export type RecordHeader = { key: string; value: Uint8Array | null }
export type RecordToAppend = { key: Uint8Array | null; value: Uint8Array | null; timestampMs: number | null; headers: RecordHeader[] }
/** A transactional or idempotent batch that the control plane writes on a client's behalf (TxnOffsetCommit). */
export type BatchProducer = { producerId: bigint; producerEpoch: number; transactional: boolean }
export type StoredRecord = { offset: bigint; timestampMs: number; key: Uint8Array | null; value: Uint8Array | null; headers: RecordHeader[] }
/** Delayed records of consecutive offsets, and when they become due, in milliseconds since 1970. */
export type WaitingRun = { readonly firstOffset: bigint; readonly lastOffset: bigint; readonly dueMs: bigint }
/** Whole batches as they lie in the log; what is neither committed nor asked for is not among them. */
export type RawRecords = {
  readonly logStartOffset: bigint
  readonly highWatermark: bigint
  /** Of transactions that were aborted and lie in the batches; none where uncommitted ones were asked for too. */
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[]
  /** Which of the batches nobody may have before a time. */
  readonly waiting: readonly WaitingRun[]
  readonly bytes: Uint8Array
}
/** Decoded batches in offset order; a control batch carries the marker instead of records. */
export type StoredBatch = {
  baseOffset: bigint
  lastOffset: bigint
  leaderEpoch: number
  producerId: bigint
  producerEpoch: number
  baseSequence: number
  transactional: boolean
  control: { type: 'COMMIT' | 'ABORT' | 'OTHER'; coordinatorEpoch: number } | null
  compression: string
  sizeBytes: number
  records: StoredRecord[]
}

export type PartitionOffsets = {
  logStartOffset: bigint
  highWatermark: bigint
  lastStableOffset: bigint
  logEndOffset: bigint
  leaderEpoch: number
  sizeBytes: number
  segmentCount: number
  logDir: string
}
export type SegmentSummary = { baseOffset: bigint; sizeBytes: number; maxTimestampMs: number; lastModifiedMs: number; active: boolean }
export type ProducerSummary = {
  producerId: bigint
  producerEpoch: number
  lastSequence: number
  lastTimestampMs: number
  coordinatorEpoch: number
  currentTxnStartOffset: bigint
}
export type TopicPartition = { topic: string; partition: number }
/** How a compacted log stands; `dirtySinceMs` is the timestamp of its first record that no run has seen, -1 for unknown. */
export type CompactionNeed = { partition: number; dirtyBytes: number; cleanBytes: number; dirtySinceMs: number }
export type CompactionSettings = {
  deleteRetentionMs: number
  minLagMs: number
  /** Bounds the table of keys; what does not fit waits for the next run. */
  mapMemoryBytes: number
  /** Reads and writes together; Infinity for no bound. */
  bytesPerSecond: number
}
export type CompactionReport = { bytesRead: number; bytesWritten: number; recordsRead: number; recordsKept: number }

export type LogDirSummary = { path: string; error: string | null; totalBytes: bigint; usableBytes: bigint }

/** Counters since the start; histogram bucket i counts values of at most 2^i microseconds. */
export type ApiMetrics = { apiKey: number; requestCount: number; errorCount: number; requestBytes: number; responseBytes: number; latencyBuckets: number[]; latencySumMicros: number }
export type DataPlaneMetrics = {
  connectionCount: number
  connectionsAccepted: number
  connectionsRejected: number
  bytesIn: number
  bytesOut: number
  recordsIn: number
  batchesIn: number
  fetchSessionCount: number
  parkedFetchCount: number
  apis: ApiMetrics[]
  /** Cumulative since the start, only topics with traffic. */
  topics: { name: string; bytesIn: number; bytesOut: number; recordsIn: number }[]
}

/** A fact the data plane reports; what follows from it is the control plane's to decide. */
export type DataPlaneEvent =
  /** A connection that the broker ended, not its client. */
  | { kind: 'connectionClosed'; listener: string; peer: string; reason: string }
  | { kind: 'partitionFailed'; topic: string; partition: number; message: string }
  | { kind: 'logDirFailed'; path: string; message: string }
  | { kind: 'partitionLoaded'; topic: string; partition: number; recoveredBytes: number; truncatedBytes: number }
  /** The leader of a partition wants its ISR to be this; one proposal of a partition is out at a time. */
  | {
      kind: 'isrProposed'
      topic: string
      topicId: Uuid
      partition: number
      leaderEpoch: number
      partitionEpoch: number
      isr: { brokerId: number; brokerEpoch: number }[]
      /** The leader has recovered from its unclean election. */
      recovered: boolean
    }
  /** A follower cut its log where it parted from its leader's. */
  | { kind: 'partitionTruncated'; topic: string; partition: number; fromOffset: number; toOffset: number }
  /** A follower has got nothing from its leader for many attempts in a row; without a code of the leader's the reason tells why. */
  | { kind: 'replicaStalled'; topic: string; partition: number; leader: number; errorCode: number; reason: string }

/** What the broker asks of the native side. Calls are made on the JavaScript thread and do not wait for disk unless they return a promise. */
export interface DataPlane {
  listen(listener: ListenerOptions): ListenerAddress
  /** Sets who answers forwarded requests. The handler answers each exactly once with `respond` or `abandon`, at any later time. */
  onRequest(handler: (request: ForwardedRequest) => void): void
  onEvent(handler: (event: DataPlaneEvent) => void): void
  /** Sends a response (header and body, without size); responses of one drain leave together. */
  respond(requestId: number, payload: Uint8Array): void
  /** Closes the connection of a request that deserves no answer. */
  disconnect(requestId: number, reason: string): void

  /** Sets who confirms partitions of a transaction; each question is answered once with `verified`. */
  onVerify(handler: (verification: TransactionVerification) => void): void
  /** Lets a waiting Produce go on: an error code for each of the question's partitions, in its order, 0 for none. */
  verified(requestId: number, errorCodes: readonly number[]): void

  /** Creates, updates and removes topics in one step; removed topics' files go away after `fileDeleteDelayMs`. Throws when a directory cannot be made. */
  applyTopics(upserts: TopicState[], removedTopicIds: Uuid[]): void
  /** Until it is called this broker is alone. */
  setCluster(state: ClusterState): void
  /** A proposed ISR was refused, or led to no change: another may be proposed. Metadata with a newer partition epoch settles by itself. */
  settleIsr(topic: string, partition: number, leaderEpoch: number, partitionEpoch: number): void
  /** Bytes per second, Infinity for no bound (KIP-73). */
  setReplicationQuotas(leaderBytesPerSecond: number, followerBytesPerSecond: number): void
  /** Whether all log directories were left by a clean stop, and with which broker epoch; -1 for unknown. */
  readonly cleanStart: boolean
  readonly previousBrokerEpoch: number
  /** Topics found in the log directories by their files, whether applied or not (for adopt and stray detection). */
  listLocalTopics(): { name: string; id: Uuid | null; partitions: number[]; logDir: string }[]

  /** Appends one batch; resolves with its base offset once it is committed. Rejects with a KafkaError, with NOT_LEADER_OR_FOLLOWER where this broker does not lead or stops to. */
  append(topic: string, partition: number, records: RecordToAppend[], producer: BatchProducer | null): Promise<bigint>
  /** Appends a transaction marker (KIP-98); resolves once committed. */
  appendMarker(topic: string, partition: number, producerId: bigint, producerEpoch: number, coordinatorEpoch: number, commit: boolean, bumpsEpoch: boolean): Promise<void>
  /** Whole decoded batches from the one that holds `offset`, up to `maxBytes` of log (always at least one), at most to the log end. */
  read(topic: string, partition: number, offset: bigint, maxBytes: number): Promise<StoredBatch[]>
  /** Whole batches from the one that holds `offset`, up to `maxBytes` (always at least one), at most to the high watermark, or to the last stable offset where only committed transactions are asked for. Delayed ones are among them, and told; expired records are not. */
  readRaw(topic: string, partition: number, offset: bigint, maxBytes: number, isolation: 'read_committed' | 'read_uncommitted'): Promise<RawRecords>
  /** Calls `onAdvance` once when more is committed in the partition, or when it stops. What happened before the call is not told. Returns what ends the watch. */
  watch(topic: string, partition: number, onAdvance: () => void): () => void
  offsetForTimestamp(topic: string, partition: number, timestampMs: number): Promise<{ offset: bigint; timestampMs: number } | null>
  /** Raises the log start offset durably, then drops whole segments below it. Rejects above the high watermark. Returns the new start. */
  deleteRecords(topic: string, partition: number, beforeOffset: bigint): Promise<bigint>

  /** Null where the partition is unknown or not loaded yet. */
  partitionOffsets(partitions: TopicPartition[]): (PartitionOffsets | null)[]
  listSegments(topic: string, partition: number): SegmentSummary[] | null
  /** Partitions that hold more than their active segment, or whose active segment holds data older than `ageMs`. Cheap at 10,000 partitions. */
  retentionCandidates(ageMs: number): TopicPartition[]
  rollSegment(topic: string, partition: number): Promise<void>
  describeProducers(topic: string, partition: number): ProducerSummary[] | null
  logDirs(): LogDirSummary[]
  /** The open logs of a topic that have something dirty. */
  compactionNeeds(topic: string, minLagMs: number): CompactionNeed[]
  /** Compacts a log once; resolves when it is done, rejects where it could not be or the data plane is closed. */
  compact(topic: string, partition: number, settings: CompactionSettings): Promise<CompactionReport>
  /** Has a replica lie in another of the log directories (KIP-113); resolves once it goes on there. Takes as long as its bytes take to copy. */
  moveReplica(topic: string, partition: number, logDir: string): Promise<void>
  /** Bytes of all logs by topic, whether they are open or not. */
  topicSizes(): Promise<{ name: string; bytes: number }[]>
  metrics(): DataPlaneMetrics
  /** Stops accepting, answers what is in flight, flushes, marks the shutdown as clean. */
  close(): Promise<void>
}

/** A node of the quorum and where it listens; with another disk it has another directory, and is another voter (KIP-853). */
export type QuorumVoter = { nodeId: number; directoryId: Uuid; host: string; port: number }

export type QuorumOptions = {
  nodeId: number
  clusterId: Uuid
  directoryId: Uuid
  /** Holds the log, the vote and the snapshots. */
  dir: string
  /** What to listen on for other nodes, port 0 for any; null for a node that is alone. */
  host: string | null
  port: number
  /** Those that begin a new quorum, the same on each of them; none on a node that is added later. */
  initialVoters: QuorumVoter[]
  /** What other nodes are told to connect to, port 0 for the bound one. */
  advertisedHost: string
  advertisedPort: number
  /** Where to ask who leads while this node does not know, or is not known. */
  bootstrapServers: { host: string; port: number }[]
  /** Whether a voter of this number with another directory is taken out when this node comes: it lost its disk. */
  replacesFormerSelf: boolean
  heartbeatIntervalMs: number
  /** A voter that hears nothing of a leader for a time between these two begins an election. */
  electionTimeoutMinMs: number
  electionTimeoutMaxMs: number
  segmentBytes: number
  /** Batches that stay though a snapshot holds them. */
  keptEntryCount: number
}

export type QuorumEvent =
  | { kind: 'committed'; baseOffset: bigint; epoch: number; records: Uint8Array[] }
  /** Everything that earlier leaders committed was told: the leader of this epoch may act. */
  | { kind: 'epochStarted'; epoch: number }
  | { kind: 'leaderChanged'; leaderId: number | null; epoch: number }
  /** The state begins anew with the records until `snapshotEnd`; then it goes on at this offset. */
  | { kind: 'snapshotBegin'; endOffset: bigint; epoch: number }
  | { kind: 'snapshotRecords'; records: Uint8Array[] }
  | { kind: 'snapshotEnd' }
  /** What an interrupted write had left at the log's end was cut off. */
  | { kind: 'logCut'; bytes: number }
  /** The node has failed and tells nothing more. */
  | { kind: 'stopped'; message: string }

/** What a node of a quorum said of it. */
export type FoundQuorum = { clusterId: Uuid; nodeId: number; leaderId: number | null }

export type QuorumNodeStatus = QuorumVoter & {
  isVoter: boolean
  /** -1 where only the leader knows. */
  logEndOffset: bigint
  /** Since the leader last heard of it; -1 for unknown. */
  lastHeardMs: number
  isCaughtUp: boolean
}
export type QuorumStatus = { leaderId: number | null; epoch: number; highWatermark: bigint; nodes: QuorumNodeStatus[] }

export interface QuorumNode {
  /** What other nodes connect to; 0 for a node that is alone. */
  readonly port: number
  /**
   * Resolves with the offset of the first record once all are committed, after the event that tells of them. Rejects with
   * NOT_LEADER_OR_FOLLOWER where this node does not lead in that epoch and nothing was written, and with
   * REQUEST_TIMED_OUT where the leader changed and it is not known what became of them.
   */
  propose(epoch: number, records: readonly Uint8Array[]): Promise<bigint>
  /** Takes the records as the whole state after `lastOffset`, where a committed batch ended; what came before is dropped in time. */
  saveSnapshot(lastOffset: bigint, records: readonly Uint8Array[]): void
  addVoter(voter: QuorumVoter): Promise<void>
  removeVoter(nodeId: number, directoryId: Uuid): Promise<void>
  /** Lets a node have everything that is committed, without a vote. */
  addObserver(observer: QuorumVoter): Promise<void>
  removeObserver(nodeId: number): Promise<void>
  /** Hands the lead to another voter, where there is one that has everything; resolves once that was asked for. */
  resign(): Promise<void>
  status(): Promise<QuorumStatus>
  close(): Promise<void>
}
