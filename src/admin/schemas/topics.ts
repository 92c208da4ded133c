import { Type, type Static } from '@sinclair/typebox'
import { epoch, offset, PartitionIndex, timestampMs, TopicName } from './fields.ts'

export const TopicSummary = Type.Object({
  name: Type.String(),
  topicId: Type.String({ description: "The topic's id, as Kafka prints it." }),
  internal: Type.Boolean(),
  partitionCount: Type.Integer(),
  replicationFactor: Type.Integer(),
}, { $id: 'TopicSummary' })
export type TopicSummary = Static<typeof TopicSummary>

export const TopicPartition = Type.Object({
  partition: PartitionIndex,
  leader: Type.Integer({ description: 'Id of the leading broker, -1 while there is none.' }),
  leaderEpoch: epoch('Epoch of the leader.'),
  replicas: Type.Array(Type.Integer()),
  isr: Type.Array(Type.Integer(), { description: 'Replicas in sync with the leader.' }),
  offlineReplicas: Type.Array(Type.Integer()),
}, { $id: 'TopicPartition' })
export type TopicPartition = Static<typeof TopicPartition>

export const Topic = Type.Composite([TopicSummary, Type.Object({ partitions: Type.Array(TopicPartition) })], { $id: 'Topic' })
export type Topic = Static<typeof Topic>

export const NewTopic = Type.Object({
  name: TopicName,
  partitionCount: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000000, description: "Default: the broker's num.partitions." })),
  replicationFactor: Type.Optional(Type.Integer({ minimum: 1, maximum: 32767, description: "Default: the broker's default.replication.factor." })),
  replicaAssignment: Type.Optional(Type.Array(Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 }), {
    minItems: 1,
    description: 'Broker ids for each partition, the preferred leader first; instead of partitionCount and replicationFactor.',
  })),
  configs: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Topic configs by name.' })),
  validateOnly: Type.Optional(Type.Boolean({ description: 'Check only, create nothing.' })),
}, { $id: 'NewTopic', additionalProperties: false })
export type NewTopic = Static<typeof NewTopic>

export const NewPartitions = Type.Object({
  partitionCount: Type.Integer({ minimum: 1, maximum: 1000000, description: 'How many partitions the topic is to have.' }),
  validateOnly: Type.Optional(Type.Boolean({ description: 'Check only, change nothing.' })),
}, { $id: 'NewPartitions', additionalProperties: false })
export type NewPartitions = Static<typeof NewPartitions>

/** What a partition's log holds on the broker that answers. */
export const PartitionLog = Type.Object({
  partition: PartitionIndex,
  leaderEpoch: epoch('Epoch of the leader.'),
  logStartOffset: offset('First offset that can be read.'),
  highWatermark: offset('End of what consumers can read.'),
  lastStableOffset: offset('End of what read_committed consumers can read.'),
  logEndOffset: offset('Offset that the next record gets.'),
  sizeBytes: Type.Integer(),
  segmentCount: Type.Integer(),
  logDir: Type.String(),
}, { $id: 'PartitionLog' })
export type PartitionLog = Static<typeof PartitionLog>

export const PartitionLogs = Type.Object({ name: Type.String(), partitions: Type.Array(PartitionLog) }, { $id: 'PartitionLogs' })
export type PartitionLogs = Static<typeof PartitionLogs>

export const Segment = Type.Object({
  baseOffset: offset('First offset of the log segment.'),
  sizeBytes: Type.Integer(),
  maxTimestampMs: timestampMs('Largest record timestamp'),
  lastModifiedMs: timestampMs('When the file was last written'),
  active: Type.Boolean({ description: 'Whether records are appended to this segment.' }),
}, { $id: 'Segment' })
export type Segment = Static<typeof Segment>

export const Segments = Type.Object({ segments: Type.Array(Segment) }, { $id: 'Segments' })
export type Segments = Static<typeof Segments>

export const RecordsDeletion = Type.Object({
  beforeOffset: Type.Integer({ minimum: -1, description: 'Delete every record below this offset; -1 deletes up to the high watermark.' }),
}, { $id: 'RecordsDeletion', additionalProperties: false })
export type RecordsDeletion = Static<typeof RecordsDeletion>

export const LowWatermark = Type.Object({ logStartOffset: offset('First offset that can be read from now on.') }, { $id: 'LowWatermark' })
export type LowWatermark = Static<typeof LowWatermark>
