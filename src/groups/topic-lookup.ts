// The topics of the cluster, as far as groups ask for them.

import type { Uuid } from '../shared/uuid.ts'

export type TopicSummary = { readonly name: string; readonly id: Uuid; readonly partitionCount: number }

export interface TopicLookup {
  byName(name: string): TopicSummary | undefined
  byId(id: Uuid): TopicSummary | undefined
}
