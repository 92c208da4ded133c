// Kafka's topic configs, and some of our own: type, default, what they take, which broker setting stands behind each.

import { atLeast, between, bool, double, INT64_MAX_TEXT, int, list, long, oneOf, someOf, string } from './config-key.ts'
import type { Check, ConfigKey, ConfigValue } from './config-key.ts'

const throttledReplicas =
  (name: string): Check =>
  (value) => {
    const members = value as readonly string[]
    const valid = members.length === 0 || (members.length === 1 && members[0] === '*') || members.every((member) => /^\d+:\d+$/.test(member))
    return valid ? undefined : `${name} must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...`
  }

const gzipLevel: Check = (value) => ((value as number) === -1 || ((value as number) >= 1 && (value as number) <= 9) ? undefined : 'Value must be between 1 and 9 or equal to -1')

export const COMPRESSION_TYPES = ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'] as const
export type CompressionType = (typeof COMPRESSION_TYPES)[number]
export type TimestampType = 'CreateTime' | 'LogAppendTime'

export const TOPIC_SETTINGS = {
  'cleanup.policy': list('delete', { check: someOf('compact', 'delete'), doc: 'What becomes of old records: "delete" drops whole segments by age and size, "compact" keeps the last record of each key; both may be named. Empty keeps everything.' }),
  'compression.gzip.level': int(-1, { check: gzipLevel, doc: 'Level of gzip where compression.type is gzip; -1 is the codec\'s own default.' }),
  'compression.lz4.level': int(9, { check: between(1, 17), doc: 'Level of lz4 where compression.type is lz4.' }),
  'compression.type': string('producer', { check: oneOf(...COMPRESSION_TYPES), doc: 'The codec that batches are stored with; "producer" stores them as they came.' }) as ConfigKey<CompressionType>,
  'compression.zstd.level': int(3, { check: between(-131_072, 22), doc: 'Level of zstd where compression.type is zstd.' }),
  'delete.retention.ms': long(86_400_000, { check: atLeast(0), doc: 'How long tombstones and transaction markers of a compacted topic stay readable, in milliseconds.' }),
  'delivery.delay.enable': bool(false, 'Whether header millrace.deliver.at of a record, in milliseconds since 1970, keeps it from consumers before that time. Not a setting of Apache Kafka.'),
  'delivery.delay.max.ms': long(604_800_000, { check: atLeast(1), doc: 'How far ahead in milliseconds header millrace.deliver.at may lie; a record beyond is refused. Not a setting of Apache Kafka.' }),
  'errors.deadletterqueue.group.enable': bool(false, 'Whether share groups may use the topic as their dead-letter queue (KIP-1191, which Kafka 4.3 does not have yet).'),
  'file.delete.delay.ms': long(60_000, { check: atLeast(0), doc: 'How long a deleted file stays on disk under another name, in milliseconds.' }),
  'flush.messages': long(INT64_MAX_TEXT, { check: atLeast(1), doc: 'Records after which the log is flushed to disk in the background.' }),
  'flush.ms': long(INT64_MAX_TEXT, { check: atLeast(0), doc: 'Age in milliseconds at which unflushed records are flushed to disk in the background.' }),
  'flush.on.ack': bool(false, 'Whether a record counts as committed only once it is on disk. Acknowledgements then wait for a flush that all waiting batches share. Not a setting of Apache Kafka.'),
  'follower.replication.throttled.replicas': list('', { check: throttledReplicas('follower.replication.throttled.replicas'), doc: 'Replicas whose copying is throttled on the follower: pairs of partition and broker, or *.' }),
  'index.interval.bytes': int(4096, { check: atLeast(0), doc: 'Bytes of log between two entries of the offset index.' }),
  'leader.replication.throttled.replicas': list('', { check: throttledReplicas('leader.replication.throttled.replicas'), doc: 'Replicas whose copying is throttled on the leader: pairs of partition and broker, or *.' }),
  'local.retention.bytes': long(-2, { check: atLeast(-2), doc: 'With tiered storage, bytes kept on local disk; -2 follows retention.bytes.' }),
  'local.retention.ms': long(-2, { check: atLeast(-2), doc: 'With tiered storage, milliseconds kept on local disk; -2 follows retention.ms.' }),
  'max.compaction.lag.ms': long(INT64_MAX_TEXT, { check: atLeast(1), doc: 'Longest time in milliseconds that a record stays out of compaction.' }),
  'max.message.bytes': int(1_048_588, { check: atLeast(0), doc: 'Largest record batch that is taken, in bytes, after compression.' }),
  'message.timestamp.after.max.ms': long(3_600_000, { check: atLeast(0), doc: 'How far in milliseconds a record\'s timestamp may lie ahead of the broker\'s clock.' }),
  'message.timestamp.before.max.ms': long(INT64_MAX_TEXT, { check: atLeast(0), doc: 'How far in milliseconds a record\'s timestamp may lie behind the broker\'s clock.' }),
  'message.timestamp.type': string('CreateTime', { check: oneOf('CreateTime', 'LogAppendTime'), doc: 'Whether a record carries the time its producer gave it or that of its arrival.' }) as ConfigKey<TimestampType>,
  'min.cleanable.dirty.ratio': double('0.5', { check: between(0, 1), doc: 'Share of a compacted log that must be dirty before it is cleaned.' }),
  'min.compaction.lag.ms': long(0, { check: atLeast(0), doc: 'Shortest time in milliseconds that a record stays out of compaction.' }),
  'min.insync.replicas': int(1, { check: atLeast(1), doc: 'Replicas that must be in sync for a produce request with acks=all to be taken.' }),
  preallocate: bool(false, 'Whether a new segment takes its whole size on disk at once.'),
  'record.ttl.enable': bool(false, 'Whether header millrace.ttl.ms of a record, in milliseconds from its timestamp, ends its life: no consumer gets it later. Not a setting of Apache Kafka.'),
  'remote.log.copy.disable': bool(false, 'With tiered storage, whether copying segments there is paused.'),
  'remote.log.delete.on.disable': bool(false, 'With tiered storage, whether what was copied is deleted when it is turned off.'),
  'remote.storage.enable': bool(false, 'Whether segments are copied to tiered storage; this broker has none.'),
  'retention.bytes': long(-1, { doc: 'Size in bytes of a partition beyond which its oldest segments are deleted; -1 for no limit.' }),
  'retention.ms': long(604_800_000, { check: atLeast(-1), doc: 'Age in milliseconds at which segments are deleted; -1 for no limit.' }),
  'segment.bytes': int(1_073_741_824, { check: atLeast(1_048_576), doc: 'Size in bytes at which a segment is closed and the next begun.' }),
  'segment.index.bytes': int(10_485_760, { check: atLeast(4), doc: 'Largest size in bytes of an index of a segment.' }),
  'segment.jitter.ms': long(0, { check: atLeast(0), doc: 'Most that is taken at random off segment.ms, in milliseconds, so that segments do not all roll at once.' }),
  'segment.ms': long(604_800_000, { check: atLeast(1), doc: 'Age in milliseconds at which a segment is closed and the next begun.' }),
  'unclean.leader.election.enable': bool(false, 'Whether a replica that is not in sync may lead when none that is can; records may be lost.'),
}

export type TopicSettingName = keyof typeof TOPIC_SETTINGS
type ValueOf<Key> = Key extends ConfigKey<infer Value extends ConfigValue> ? Value : never
export type TopicSettings = { readonly [Name in TopicSettingName]: ValueOf<(typeof TOPIC_SETTINGS)[Name]> }

export function isTopicSetting(name: string): name is TopicSettingName {
  return Object.hasOwn(TOPIC_SETTINGS, name)
}

/** The broker setting that stands behind a topic's: what a topic without a value of its own takes. */
export const TOPIC_SYNONYMS: { readonly [Name in TopicSettingName]?: string } = {
  'cleanup.policy': 'log.cleanup.policy',
  'compression.gzip.level': 'compression.gzip.level',
  'compression.lz4.level': 'compression.lz4.level',
  'compression.type': 'compression.type',
  'compression.zstd.level': 'compression.zstd.level',
  'delete.retention.ms': 'log.cleaner.delete.retention.ms',
  'file.delete.delay.ms': 'log.segment.delete.delay.ms',
  'flush.messages': 'log.flush.interval.messages',
  'flush.ms': 'log.flush.interval.ms',
  'flush.on.ack': 'log.flush.on.ack',
  'index.interval.bytes': 'log.index.interval.bytes',
  'local.retention.bytes': 'log.local.retention.bytes',
  'local.retention.ms': 'log.local.retention.ms',
  'max.compaction.lag.ms': 'log.cleaner.max.compaction.lag.ms',
  'max.message.bytes': 'message.max.bytes',
  'message.timestamp.after.max.ms': 'log.message.timestamp.after.max.ms',
  'message.timestamp.before.max.ms': 'log.message.timestamp.before.max.ms',
  'message.timestamp.type': 'log.message.timestamp.type',
  'min.cleanable.dirty.ratio': 'log.cleaner.min.cleanable.ratio',
  'min.compaction.lag.ms': 'log.cleaner.min.compaction.lag.ms',
  'min.insync.replicas': 'min.insync.replicas',
  preallocate: 'log.preallocate',
  'retention.bytes': 'log.retention.bytes',
  'retention.ms': 'log.retention.ms',
  'segment.bytes': 'log.segment.bytes',
  'segment.index.bytes': 'log.index.size.max.bytes',
  'segment.jitter.ms': 'log.roll.jitter.ms',
  'segment.ms': 'log.roll.ms',
  'unclean.leader.election.enable': 'unclean.leader.election.enable',
}
