// What other parts ask of topics, answered from the image of the moment.

import type { ClusterImage, TopicImage, TopicLookup, TopicSummary } from './cluster-image.ts'

/** Looks topics up in whatever image `current` gives at the time of the question. A topic is told of by the same object while nothing of it changes. */
export function topicLookup(current: () => ClusterImage): TopicLookup {
  const summaries = new WeakMap<TopicImage, { readonly brokers: ClusterImage['brokers']; readonly summary: TopicSummary }>()
  const summaryOf = (image: ClusterImage, topic: TopicImage | undefined): TopicSummary | undefined => {
    if (topic === undefined) return undefined
    const known = summaries.get(topic)
    if (known?.brokers === image.brokers) return known.summary
    const summary = summarize(image, topic)
    summaries.set(topic, { brokers: image.brokers, summary })
    return summary
  }
  return {
    byName: (name) => summaryOf(current(), current().topicsByName.get(name)),
    byId: (id) => summaryOf(current(), current().topicsById.get(id)),
    names: () => current().topicsByName.keys(),
    version: () => current().offset,
  }
}

function summarize(image: ClusterImage, topic: TopicImage): TopicSummary {
  return {
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
