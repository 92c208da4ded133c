// What the resources are given of the broker.

import type { ApiCaller } from '../broker/api.ts'
import type { ClusterRecords } from '../broker/cluster-records.ts'
import type { GroupSummary } from '../groups/group-summary.ts'
import type { DataPlane } from '../native.ts'
import type { Clock } from '../shared/clock.ts'
import type { Logger } from '../shared/logger.ts'

/** What this broker alone has. */
export type AdminDataPlane = Pick<DataPlane, 'partitionOffsets' | 'listSegments' | 'logDirs' | 'topicSizes' | 'metrics'>

export type TopicPartitions = { readonly name: string; readonly partitionCount: number }

export type AdminContext = {
  readonly caller: ApiCaller
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
  /** Why the broker should not be sent clients yet; null where it may. */
  notReady(): string | null
}
