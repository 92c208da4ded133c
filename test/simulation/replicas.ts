// The addon's replicas without threads, as native/binding/src/simulated_replicas.rs exports them.

import type { ClusterState } from '../../src/native.ts'
import type { AddonTopicState } from '../../src/native/addon.ts'

export type ReplicaState = { leads: boolean; follows: boolean; leaderEpoch: number; partitionEpoch: number; logStartOffset: number; highWatermark: number; logEndOffset: number; isAvailable: boolean }
export type AppendOutcome = { errorCode: number; token: number; baseOffset: number; leaderEpoch: number }
export type HeldRecord = { offset: number; leaderEpoch: number; value: string }
export type ReplicaFact = {
  kind: 'isrProposed' | 'partitionTruncated' | 'replicaStalled' | 'partitionLoaded' | 'partitionFailed' | 'logDirFailed'
  topic: string
  topicId?: string
  partition: number
  leaderEpoch: number
  partitionEpoch: number
  isr: { brokerId: number; brokerEpoch: number }[]
  recovered: boolean
  fromOffset: number
  toOffset: number
  message: string
}
/** An outcome that is not known yet. */
export const PENDING = -2

export interface SimulatedReplicas {
  setTime(monotonicMs: number, wallMs: number): void
  start(): void
  kill(): void
  crash(seed: number): void
  close(): void
  wipe(): void
  claimClean(): void
  readonly cleanStart: boolean
  readonly previousBrokerEpoch: number
  failSyncs(count: number): void
  failWrites(count: number): void
  setCapacity(bytes?: number): void
  flipBit(topic: string, partition: number, batch: number, at: number): number
  applyTopics(upserts: AddonTopicState[], removedTopicIds: string[]): void
  setCluster(state: ClusterState): void
  settleIsr(topic: string, partition: number, leaderEpoch: number, partitionEpoch: number): void
  drainFacts(): ReplicaFact[]
  checkIsrs(): void
  flush(): void
  keepHighWatermarks(): void
  keepHouse(): void
  requests(): { frames: { to: number; bytes: Buffer }[]; againAtMs?: number }
  onAnswer(peer: number, frame?: Buffer): void
  serve(token: number, frame: Buffer): Buffer | null
  answers(): { to: number; bytes: Buffer }[]
  forget(token: number): void
  append(topic: string, partition: number, values: string[], producerId: number, baseSequence: number): AppendOutcome
  outcome(token: number): number
  latestOffset(topic: string, partition: number): number
  consume(topic: string, partition: number, offset: number): HeldRecord[]
  appendRecords(topic: string, partition: number, records: Buffer, producerId: number, producerEpoch: number, transactional: boolean): AppendOutcome
  appendMarker(topic: string, partition: number, producerId: number, producerEpoch: number, coordinatorEpoch: number, commit: boolean, bumpsEpoch: boolean): AppendOutcome
  read(topic: string, partition: number, offset: number, maxBytes: number): Buffer
  offsets(topic: string, partition: number): { logStartOffset: number; highWatermark: number; logEndOffset: number; leaderEpoch: number } | null
  watch(topic: string, partition: number, watch: number): void
  advanced(): number[]
  state(topic: string, partition: number): ReplicaState | null
  records(topic: string, partition: number, from: number, to: number): HeldRecord[]
  damagedAt(topic: string, partition: number): number
  truncate(topic: string, partition: number, offset: number): void
}

export type ReplicasOptions = { nodeId: number; clusterId: string; replicaLagMaxMs: number; fetchWaitMaxMs: number; fetchBackoffMs: number }

export async function loadSimulatedReplicas(): Promise<new (options: ReplicasOptions) => SimulatedReplicas> {
  const url = new URL('../../native/binding/index.js', import.meta.url).href
  return ((await import(url)) as { NativeSimulatedReplicas: new (options: ReplicasOptions) => SimulatedReplicas }).NativeSimulatedReplicas
}
