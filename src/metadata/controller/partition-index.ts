// Which partitions concern a broker. What is found in a topic is remembered with the topic's image, which never changes,
// so a question costs a look at each topic and a walk through those that have an answer.

import type { ClusterImage, PartitionImage, TopicImage } from '../cluster-image.ts'
import { NO_LEADER } from './partition-change.ts'

export type PartitionOfTopic = { readonly topic: TopicImage; readonly partition: PartitionImage }

type TopicIndex = {
  /** By broker, partitions of which it is in the ISR or an eligible leader. */
  readonly trusted: ReadonlyMap<number, readonly PartitionImage[]>
  readonly leaders: ReadonlySet<number>
  readonly leaderless: readonly PartitionImage[]
  /** Led by another than the first replica. */
  readonly unbalanced: readonly PartitionImage[]
}

const indexes = new WeakMap<TopicImage, TopicIndex>()

/** Partitions whose ISR or eligible leaders have the broker among them. */
export function partitionsTrusting(image: ClusterImage, brokerId: number): Iterable<PartitionOfTopic> {
  return find(image, ({ trusted }) => trusted.get(brokerId))
}

export function partitionsWithoutLeader(image: ClusterImage): Iterable<PartitionOfTopic> {
  return find(image, ({ leaderless }) => leaderless)
}

export function partitionsWithoutPreferredLeader(image: ClusterImage): Iterable<PartitionOfTopic> {
  return find(image, ({ unbalanced }) => unbalanced)
}

export function hasLeaderships(image: ClusterImage, brokerId: number): boolean {
  for (const topic of image.topicsById.values()) if (indexOf(topic).leaders.has(brokerId)) return true
  return false
}

function* find(image: ClusterImage, partitionsOf: (index: TopicIndex) => readonly PartitionImage[] | undefined): Generator<PartitionOfTopic> {
  for (const topic of image.topicsById.values()) {
    for (const partition of partitionsOf(indexOf(topic)) ?? []) yield { topic, partition }
  }
}

function indexOf(topic: TopicImage): TopicIndex {
  const known = indexes.get(topic)
  if (known !== undefined) return known
  const trusted = new Map<number, PartitionImage[]>()
  const leaders = new Set<number>()
  const leaderless: PartitionImage[] = []
  const unbalanced: PartitionImage[] = []
  for (const partition of topic.partitions) {
    for (const broker of [...partition.isr, ...partition.eligibleLeaderReplicas]) {
      const partitions = trusted.get(broker)
      if (partitions === undefined) trusted.set(broker, [partition])
      else partitions.push(partition)
    }
    if (partition.leader === NO_LEADER) leaderless.push(partition)
    else leaders.add(partition.leader)
    if (partition.leader !== partition.replicas[0]) unbalanced.push(partition)
  }
  const index = { trusted, leaders, leaderless, unbalanced }
  indexes.set(topic, index)
  return index
}
