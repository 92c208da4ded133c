// What other parts ask of topics, answered from the image of the moment.

import type { Uuid } from '../shared/uuid.ts'
import type { ClusterImage, TopicImage, TopicLookup } from './cluster-image.ts'

export type TopicSummary = { readonly name: string; readonly id: Uuid; readonly partitionCount: number }

/** Looks topics up in whatever image `current` gives at the time of the question. */
export function topicLookup(current: () => ClusterImage): TopicLookup {
  return {
    byName: (name) => summary(current().topicsByName.get(name)),
    byId: (id) => summary(current().topicsById.get(id)),
  }
}

function summary(topic: TopicImage | undefined): TopicSummary | undefined {
  return topic && { name: topic.name, id: topic.id, partitionCount: topic.partitions.length }
}
