// What the resources are given of the broker.

import type { BrokerCaller } from '../broker/api.ts'
import type { ClusterHealth } from '../broker/cluster-health.ts'
import type { ClusterRecords } from '../broker/cluster-records.ts'
import type { GroupSummary } from '../groups/group-summary.ts'
import type { DataPlane } from '../native.ts'
import type { Clock } from '../shared/clock.ts'
import type { Logger } from '../shared/logger.ts'

/** What this broker alone has. */
export type AdminDataPlane = Pick<DataPlane, 'partitionOffsets' | 'listSegments' | 'logDirs' | 'topicSizes' | 'metrics'>

/** What this broker knows of its cluster. */
export type AdminCluster = {
  health(): ClusterHealth
  isActiveController(): boolean
  isrChanges(): { readonly shrinks: number; readonly expands: number }
  /** What the balancer acts on, and how much of a plan it has yet to carry out. */
  balancer(): { readonly enabled: boolean; readonly imbalancePercentage: number; readonly imbalanceBytes: number; readonly movesLeft: number; readonly bytesLeft: number }
}

export type TopicPartitions = { readonly name: string; readonly partitionCount: number }

export type AdminContext = {
  readonly caller: BrokerCaller
  /** Records of any partition, wherever it is led. */
  readonly records: Pick<ClusterRecords, 'range' | 'offsetForTimestamp' | 'read'>
  readonly dataPlane: AdminDataPlane
  readonly clock: Clock
  readonly logger: Logger
  readonly version: string
  /** Whether this broker leads the partition. */
  leads(topic: string, partition: number): boolean
  /** All topics, cheaply. */
  topics(): readonly TopicPartitions[]
  /** Every group that this broker coordinates, with its committed offsets. */
  groups(): GroupSummary[]
  readonly cluster: AdminCluster
  /** Why the broker should not be sent clients yet; null where it may. */
  notReady(): string | null
}
