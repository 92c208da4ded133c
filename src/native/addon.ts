// The addon's class as native/binding/src/data_plane.rs exports it, and how it is loaded.

import type { ClusterState, CompactionReport, DataPlaneMetrics, DataPlaneOptions, Peer, QuorumOptions, QuorumVoter, TopicLogConfig, TopicState } from '../native.ts'

export type AddonOptions = Omit<DataPlaneOptions, 'rack'> & { rack: string | undefined }
/** What is null in the contract is undefined here. */
export type AddonClusterState = Omit<ClusterState, 'peers'> & { peers: (Omit<Peer, 'rack'> & { rack: string | undefined })[] }

export type AddonTopicState = Omit<TopicState, 'config'> & { config: Omit<TopicLogConfig, 'deliveryDelayMaxMs'> & { deliveryDelayMaxMs?: number } }

/** Offsets are numbers here: they are exact up to 2^53. */
export interface AddonDataPlane {
  listen(index: number, host: string, port: number): { host: string; port: number }
  drain(out: Buffer): number
  respond(packed: Buffer): void
  applyTopics(upserts: AddonTopicState[], removedTopicIds: string[]): void
  setCluster(state: AddonClusterState): void
  settleIsr(topic: string, partition: number, leaderEpoch: number, partitionEpoch: number): void
  setReplicationQuotas(leaderBytesPerSecond: number, followerBytesPerSecond: number): void
  readonly cleanStart: boolean
  readonly previousBrokerEpoch: number
  listLocalTopics(): { name: string; id?: string; partitions: number[]; logDir: string }[]
  append(topic: string, partition: number, records: Buffer, producerId: number, producerEpoch: number, transactional: boolean, nowMs: number): number
  appendMarker(topic: string, partition: number, producerId: number, producerEpoch: number, coordinatorEpoch: number, commit: boolean, bumpsEpoch: boolean, nowMs: number): number
  read(topic: string, partition: number, offset: number, maxBytes: number): Promise<Buffer>
  readRaw(topic: string, partition: number, offset: number, maxBytes: number, committed: boolean): Promise<Buffer>
  watchPartition(topic: string, partition: number, watch: number): void
  offsetForTimestamp(topic: string, partition: number, timestampMs: number): Promise<number[]>
  deleteRecords(topic: string, partition: number, beforeOffset: number): Promise<number>
  rollSegment(topic: string, partition: number): Promise<void>
  partitionOffsets(topics: string[], partitions: number[]): Float64Array
  listSegments(topic: string, partition: number): Float64Array | null
  describeProducers(topic: string, partition: number): Float64Array | null
  retentionCandidates(ageMs: number): { topic: string; partition: number }[]
  logDirs(): { path: string; error?: string; totalBytes: number; usableBytes: number }[]
  compactionNeeds(topic: string, minLagMs: number): Float64Array
  compact(topic: string, partition: number, deleteRetentionMs: number, minLagMs: number, mapMemoryBytes: number, bytesPerSecond: number): Promise<CompactionReport>
  moveReplica(topic: string, partition: number, logDir: string): Promise<void>
  topicSizes(): Promise<{ name: string; bytes: number }[]>
  metrics(): DataPlaneMetrics
  close(): Promise<void>
}

export interface AddonQuorumNode {
  open(): Promise<number>
  drain(out: Buffer): number
  propose(token: number, epoch: number, records: Buffer): void
  saveSnapshot(lastOffset: number, records: Buffer): void
  addVoter(token: number, voter: QuorumVoter): void
  removeVoter(token: number, nodeId: number, directoryId: string): void
  addObserver(token: number, observer: QuorumVoter): void
  removeObserver(token: number, nodeId: number): void
  resign(token: number): void
  status(): Promise<{
    leader: number
    epoch: number
    highWatermark: number
    nodes: { nodeId: number; directoryId: string; host: string; port: number; isVoter: boolean; logEndOffset: number; lastHeardMs: number; isCaughtUp: boolean }[]
  }>
  close(): Promise<void>
}

type Addon = {
  NativeQuorumNode: new (options: Omit<QuorumOptions, 'host'> & { host?: string }, wake: () => void) => AddonQuorumNode
  NativeDataPlane: new (options: AddonOptions, wake: () => void) => AddonDataPlane
  findQuorum(servers: { host: string; port: number }[]): Promise<{ clusterId: string; nodeId: number; leader: number } | null>
  compress(codec: number, level: number, data: Buffer): Buffer
  decompress(codec: number, data: Buffer, maxBytes: number): Buffer
}

/** Loads the addon of this platform; the path is the same from `src` and from `dist`. */
export async function loadAddon(): Promise<Addon> {
  const url = new URL('../../native/binding/index.js', import.meta.url).href
  return (await import(url)) as Addon
}
