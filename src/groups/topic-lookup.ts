// The topics of the cluster, as far as groups ask for them.

import type { Uuid } from '../shared/uuid.ts'

export type TopicSummary = {
  readonly name: string
  readonly id: Uuid
  readonly partitionCount: number
  /** Racks that hold a replica of the partition; none where brokers have no racks. */
  racks?(partition: number): readonly string[]
}

export interface TopicLookup {
  byName(name: string): TopicSummary | undefined
  byId(id: Uuid): TopicSummary | undefined
  /** Names of all topics, internal ones included. */
  names(): Iterable<string>
  /** Differs from what it was before whenever a topic has come, gone or changed, such as the image's offset. */
  version(): bigint
}
