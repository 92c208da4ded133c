import { Type, type Static } from '@sinclair/typebox'
import { epoch, nullable, offset, PartitionIndex, TopicName } from './fields.ts'

export const GroupSummary = Type.Object({
  groupId: Type.String(),
  type: Type.String({ description: 'Classic, Consumer, Share or Streams.' }),
  state: Type.String({ description: 'Such as Stable, Empty, PreparingRebalance.' }),
  protocolType: Type.String({ description: '"consumer" for consumers, empty for groups that only keep offsets.' }),
}, { $id: 'GroupSummary' })
export type GroupSummary = Static<typeof GroupSummary>

const Assignment = Type.Array(Type.Object({ topic: Type.String(), partitions: Type.Array(Type.Integer()) }))

export const GroupMember = Type.Object({
  memberId: Type.String(),
  groupInstanceId: nullable(Type.String()),
  clientId: Type.String(),
  host: Type.String(),
  memberEpoch: nullable(Type.Integer({ description: 'Null for members of classic groups.' })),
  assignment: Assignment,
}, { $id: 'GroupMember' })
export type GroupMember = Static<typeof GroupMember>

export const GroupOffset = Type.Object({
  topic: Type.String(),
  partition: PartitionIndex,
  committedOffset: nullable(offset('Offset of the next record to consume; null where nothing was committed.')),
  logEndOffset: nullable(offset('End of what consumers can read; null where the partition is gone.')),
  lag: nullable(Type.Integer({ minimum: 0, description: 'Records between the two.' })),
  lagSeconds: nullable(Type.Number({ minimum: 0, description: 'Age of the oldest record not yet consumed; null where it is not known.' })),
  metadata: Type.String({ description: 'What the consumer stored beside the offset.' }),
  memberId: nullable(Type.String({ description: 'The member that consumes the partition.' })),
  clientId: nullable(Type.String()),
  host: nullable(Type.String()),
}, { $id: 'GroupOffset' })
export type GroupOffset = Static<typeof GroupOffset>

export const Group = Type.Object({
  groupId: Type.String(),
  type: Type.String(),
  state: Type.String(),
  protocolType: Type.String(),
  assignor: Type.String({ description: 'The assignment protocol of the group, empty while it has none.' }),
  epoch: nullable(epoch('Epoch of the group; null for classic groups.')),
  coordinator: Type.Integer({ description: "Id of the broker that is the group's coordinator." }),
  members: Type.Array(GroupMember),
  offsets: Type.Array(GroupOffset),
  lag: Type.Integer({ minimum: 0, description: 'Sum of the lags that are known.' }),
}, { $id: 'Group' })
export type Group = Static<typeof Group>

export const OffsetReset = Type.Object({
  topics: Type.Optional(Type.Array(Type.Object({
    topic: TopicName,
    partitions: Type.Optional(Type.Array(PartitionIndex, { minItems: 1, description: 'Default: all.' })),
  }, { additionalProperties: false }), { minItems: 1, description: 'Default: every topic that the group has committed offsets for.' })),
  to: Type.Union([
    Type.Object({ earliest: Type.Literal(true) }, { additionalProperties: false }),
    Type.Object({ latest: Type.Literal(true) }, { additionalProperties: false }),
    Type.Object({ current: Type.Literal(true) }, { additionalProperties: false }),
    Type.Object({ offset: Type.Integer({ minimum: 0 }) }, { additionalProperties: false }),
    Type.Object({ shiftBy: Type.Integer() }, { additionalProperties: false }),
    Type.Object({ timestampMs: Type.Integer({ minimum: 0 }) }, { additionalProperties: false }),
    Type.Object({ ageMs: Type.Integer({ minimum: 0 }) }, { additionalProperties: false }),
  ], { description: 'Where to: exactly one of these. Offsets outside the log are moved to its nearer end.' }),
  dryRun: Type.Optional(Type.Boolean({ description: 'Compute only, commit nothing.' })),
}, { $id: 'OffsetReset', additionalProperties: false })
export type OffsetReset = Static<typeof OffsetReset>

export const ResetOffset = Type.Object({
  topic: Type.String(),
  partition: PartitionIndex,
  previousOffset: nullable(Type.Integer({ minimum: 0 })),
  newOffset: Type.Integer({ minimum: 0 }),
}, { $id: 'ResetOffset' })
export type ResetOffset = Static<typeof ResetOffset>

export const ResetOffsets = Type.Object({ groupId: Type.String(), dryRun: Type.Boolean(), offsets: Type.Array(ResetOffset) }, { $id: 'ResetOffsets' })
export type ResetOffsets = Static<typeof ResetOffsets>
