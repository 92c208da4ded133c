// Topics as the data plane is told of them: the partitions that are this node's to keep, and the settings it acts on.

import type { TopicSettings } from '../config/topic-settings.ts'
import { METADATA_TOPIC_ID } from '../shared/uuid.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { ClusterConfigs } from './cluster-configs.ts'
import { CONFIG_RESOURCES, configKey, METADATA_TOPIC } from './cluster-image.ts'
import type { ClusterImage, PartitionImage, TopicImage } from './cluster-image.ts'
import type { MetadataDelta } from './metadata-delta.ts'

/** Sizes in bytes, times in milliseconds, -1 for no limit. */
export type TopicLogSettings = {
  segmentBytes: number
  segmentMs: number
  segmentJitterMs: number
  segmentIndexBytes: number
  indexIntervalBytes: number
  maxMessageBytes: number
  minInsyncReplicas: number
  compressionType: TopicSettings['compression.type']
  compressionLevel: number
  timestampType: TopicSettings['message.timestamp.type']
  timestampBeforeMaxMs: number
  timestampAfterMaxMs: number
  flushMessages: number
  flushMs: number
  flushOnAck: boolean
  preallocate: boolean
  fileDeleteDelayMs: number
  compacted: boolean
  /** Null where records are not delayed. */
  deliveryDelayMaxMs: number | null
  recordTtl: boolean
}
export type PartitionLogState = {
  index: number
  leader: number
  leaderEpoch: number
  partitionEpoch: number
  replicas: number[]
  isr: number[]
  leaderThrottled: boolean
  followerThrottled: boolean
}
export type TopicLogState = { name: string; id: Uuid; internal: boolean; partitions: PartitionLogState[]; config: TopicLogSettings }
export type TopicLogChanges = { upserts: TopicLogState[]; removedTopicIds: Uuid[] }

/** All topics of an image, for a data plane that knows none. */
export function allTopicLogStates(image: ClusterImage, nodeId: number, configs: ClusterConfigs): TopicLogState[] {
  return [...image.topicsById.values()].map((topic) => topicLogState(image, topic, nodeId, configs))
}

/** What a change of metadata means for the data plane; a changed default of topics touches all of them. */
export function topicLogChanges(image: ClusterImage, delta: MetadataDelta, nodeId: number, configs: ClusterConfigs): TopicLogChanges {
  const removedTopicIds = [...delta.topics].filter(([, topic]) => topic === undefined).map(([id]) => id)
  if (delta.configs.has(configKey(CONFIG_RESOURCES.BROKER, '')) || delta.configs.has(configKey(CONFIG_RESOURCES.BROKER, String(nodeId)))) {
    return { upserts: allTopicLogStates(image, nodeId, configs), removedTopicIds }
  }
  const changed = new Set<TopicImage>()
  for (const id of delta.topics.keys()) addIfPresent(changed, image.topicsById.get(id))
  for (const key of delta.configs.keys()) {
    const [type, name] = splitConfigKey(key)
    if (type === CONFIG_RESOURCES.TOPIC) addIfPresent(changed, image.topicsByName.get(name))
  }
  return { upserts: [...changed].map((topic) => topicLogState(image, topic, nodeId, configs)), removedTopicIds }
}

/** The metadata log itself: what is acknowledged there is on disk, and no setting of a user changes that. */
export function metadataLogState(defaults: TopicSettings, nodeId: number): TopicLogState {
  return {
    name: METADATA_TOPIC,
    id: METADATA_TOPIC_ID,
    internal: true,
    partitions: [{ index: 0, leader: nodeId, leaderEpoch: 0, partitionEpoch: 0, replicas: [nodeId], isr: [nodeId], leaderThrottled: false, followerThrottled: false }],
    config: {
      ...logSettings(defaults),
      segmentBytes: 1_073_741_824,
      segmentMs: 604_800_000,
      segmentJitterMs: 0,
      maxMessageBytes: 67_108_864,
      minInsyncReplicas: 1,
      compressionType: 'producer',
      timestampType: 'CreateTime',
      timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
      timestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
      flushOnAck: true,
      preallocate: false,
      compacted: false,
      deliveryDelayMaxMs: null,
      recordTtl: false,
    },
  }
}

function topicLogState(image: ClusterImage, topic: TopicImage, nodeId: number, configs: ClusterConfigs): TopicLogState {
  const settings = configs.topicSettings(image, topic.name)
  return {
    name: topic.name,
    id: topic.id,
    internal: topic.internal,
    partitions: topic.partitions.filter(({ replicas }) => replicas.includes(nodeId)).map((partition) => partitionLogState(partition, nodeId, settings)),
    config: logSettings(settings),
  }
}

function partitionLogState({ index, leader, leaderEpoch, partitionEpoch, replicas, isr }: PartitionImage, nodeId: number, settings: TopicSettings): PartitionLogState {
  return {
    index, leader, leaderEpoch, partitionEpoch,
    replicas: [...replicas],
    isr: [...isr],
    leaderThrottled: isThrottled(settings['leader.replication.throttled.replicas'], index, nodeId),
    followerThrottled: isThrottled(settings['follower.replication.throttled.replicas'], index, nodeId),
  }
}

/** `throttled` names replicas as partition:broker, or all of them as * (KIP-73). */
function isThrottled(throttled: readonly string[], partition: number, nodeId: number): boolean {
  return throttled.length > 0 && (throttled.includes('*') || throttled.includes(`${partition}:${nodeId}`))
}

function logSettings(settings: TopicSettings): TopicLogSettings {
  return {
    segmentBytes: settings['segment.bytes'],
    segmentMs: settings['segment.ms'],
    segmentJitterMs: settings['segment.jitter.ms'],
    segmentIndexBytes: settings['segment.index.bytes'],
    indexIntervalBytes: settings['index.interval.bytes'],
    maxMessageBytes: settings['max.message.bytes'],
    minInsyncReplicas: settings['min.insync.replicas'],
    compressionType: settings['compression.type'],
    compressionLevel: compressionLevel(settings),
    timestampType: settings['message.timestamp.type'],
    timestampBeforeMaxMs: settings['message.timestamp.before.max.ms'],
    timestampAfterMaxMs: settings['message.timestamp.after.max.ms'],
    flushMessages: settings['flush.messages'],
    flushMs: settings['flush.ms'],
    flushOnAck: settings['flush.on.ack'],
    preallocate: settings.preallocate,
    fileDeleteDelayMs: settings['file.delete.delay.ms'],
    compacted: settings['cleanup.policy'].includes('compact'),
    deliveryDelayMaxMs: settings['delivery.delay.enable'] ? settings['delivery.delay.max.ms'] : null,
    recordTtl: settings['record.ttl.enable'],
  }
}

function compressionLevel(settings: TopicSettings): number {
  switch (settings['compression.type']) {
    case 'gzip':
      return settings['compression.gzip.level']
    case 'lz4':
      return settings['compression.lz4.level']
    case 'zstd':
      return settings['compression.zstd.level']
    default:
      return -1
  }
}

function splitConfigKey(key: string): [number, string] {
  const colon = key.indexOf(':')
  return [Number(key.slice(0, colon)), key.slice(colon + 1)]
}

function addIfPresent(set: Set<TopicImage>, topic: TopicImage | undefined): void {
  if (topic !== undefined) set.add(topic)
}
