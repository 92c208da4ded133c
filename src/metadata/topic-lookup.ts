// What other parts ask of topics, answered from the image of the moment.

import type { ClusterImage, TopicImage, TopicLookup, TopicSummary } from './cluster-image.ts'

/** Looks topics up in whatever image `current` gives at the time of the question. */
export function topicLookup(current: () => ClusterImage): TopicLookup {
  return {
    byName: (name) => summary(current(), current().topicsByName.get(name)),
    byId: (id) => summary(current(), current().topicsById.get(id)),
    names: () => current().topicsByName.keys(),
    version: () => current().offset,
  }
}

function summary(image: ClusterImage, topic: TopicImage | undefined): TopicSummary | undefined {
  return topic && {
    name: topic.name,
    id: topic.id,
    partitionCount: topic.partitions.length,
    racks: (partition) => racksOf(image, topic, partition),
  }
}

function racksOf(image: ClusterImage, topic: TopicImage, partition: number): readonly string[] {
  const racks = new Set<string>()
  for (const replica of topic.partitions[partition]?.replicas ?? []) {
    const rack = image.brokers.get(replica)?.rack
    if (rack != null) racks.add(rack)
  }
  return [...racks]
}
