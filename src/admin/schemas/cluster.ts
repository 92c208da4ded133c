import { Type, type Static } from '@sinclair/typebox'
import { BrokerId, nullable, PartitionIndex } from './fields.ts'

export const ClusterBroker = Type.Object({
  brokerId: BrokerId,
  host: Type.String({ description: 'Address that clients are told to connect to.' }),
  port: Type.Integer(),
  rack: nullable(Type.String()),
  controller: Type.Boolean({ description: 'Whether this broker is the active controller.' }),
  fenced: Type.Boolean({ description: 'Whether the controller keeps this broker from leading partitions.' }),
}, { $id: 'ClusterBroker' })
export type ClusterBroker = Static<typeof ClusterBroker>

export const Cluster = Type.Object({
  clusterId: Type.String(),
  controllerId: Type.Integer({ description: 'Id of the active controller, -1 while there is none.' }),
  brokers: Type.Array(ClusterBroker),
}, { $id: 'Cluster' })
export type Cluster = Static<typeof Cluster>

export const Health = Type.Object({ status: Type.String({ description: '"ok", or why the broker is not ready.' }) }, { $id: 'Health' })
export type Health = Static<typeof Health>

const PartitionId = { topic: Type.String(), partition: PartitionIndex }
const Replicas = (description: string) => Type.Array(Type.Integer(), { description })

export const BrokerStatus = Type.Composite([ClusterBroker, Type.Object({
  draining: Type.Boolean({ description: 'Whether the broker is to hold nothing: its replicas move to others.' }),
  leaders: Type.Integer({ description: 'Partitions that it leads.' }),
  replicas: Type.Integer({ description: 'Replicas that it holds or is to hold.' }),
  sizeBytes: nullable(Type.Integer({ description: 'Size of its logs; null where it does not tell.' })),
})], { $id: 'BrokerStatus' })
export type BrokerStatus = Static<typeof BrokerStatus>

export const QuorumReplica = Type.Object({
  nodeId: Type.Integer(),
  directoryId: Type.String({ description: 'Id of the directory of its metadata log.' }),
  voter: Type.Boolean({ description: 'Whether it votes; observers only read.' }),
  logEndOffset: Type.Integer(),
  lag: Type.Integer({ description: 'Records behind the leader.' }),
  lastFetchMs: nullable(Type.Integer({ description: 'When it last fetched, in milliseconds since 1970.' })),
  lastCaughtUpMs: nullable(Type.Integer({ description: 'When it last had all that the leader had, in milliseconds since 1970.' })),
}, { $id: 'QuorumReplica' })
export type QuorumReplica = Static<typeof QuorumReplica>

export const Quorum = Type.Object({
  leaderId: Type.Integer(),
  leaderEpoch: Type.Integer(),
  highWatermark: Type.Integer({ description: 'End of what is committed in the metadata log.' }),
  voters: Type.Array(QuorumReplica),
  observers: Type.Array(QuorumReplica),
}, { $id: 'Quorum' })
export type Quorum = Static<typeof Quorum>

export const TroubledPartition = Type.Object({
  ...PartitionId,
  leader: Type.Integer({ description: '-1 where nobody leads.' }),
  replicas: Replicas('The preferred leader first.'),
  isr: Replicas('Those in sync.'),
  minIsr: Type.Integer({ description: 'min.insync.replicas of the topic.' }),
}, { $id: 'TroubledPartition' })
export type TroubledPartition = Static<typeof TroubledPartition>

export const Reassignment = Type.Object({
  ...PartitionId,
  replicas: Replicas('All replicas, those that come and those that go among them.'),
  addingReplicas: Replicas('Brokers that copy the partition.'),
  removingReplicas: Replicas('Brokers that give it up.'),
  copiedBytes: nullable(Type.Integer({ description: 'What the slowest of those that copy has; null where none tells.' })),
  sizeBytes: nullable(Type.Integer({ description: 'Size of the largest replica; null where none tells.' })),
}, { $id: 'Reassignment' })
export type Reassignment = Static<typeof Reassignment>

export const ClusterStatus = Type.Object({
  clusterId: Type.String(),
  controllerId: Type.Integer({ description: 'Id of the active controller, -1 while there is none.' }),
  brokers: Type.Array(BrokerStatus),
  quorum: Quorum,
  partitionCount: Type.Integer(),
  underReplicated: Type.Array(TroubledPartition, { description: 'Fewer replicas in sync than there are.' }),
  offline: Type.Array(TroubledPartition, { description: 'Without a leader.' }),
  underMinIsr: Type.Array(TroubledPartition, { description: 'Fewer replicas in sync than min.insync.replicas: acks=all is refused.' }),
  reassignments: Type.Array(Reassignment),
}, { $id: 'ClusterStatus' })
export type ClusterStatus = Static<typeof ClusterStatus>

export const PlannedMove = Type.Object({
  kind: Type.Union([Type.Literal('replica'), Type.Literal('leadership')], { description: 'A replica is copied to another broker, or another replica leads.' }),
  ...PartitionId,
  from: Type.Integer(),
  to: Type.Integer(),
  bytes: Type.Integer({ description: 'To be copied; 0 where the size is not known.' }),
  reason: Type.String({ description: 'DRAIN, RACKS, REPLICAS, BYTES, LEADERS or PREFERRED_LEADER.' }),
  replicas: Replicas('After the move, the preferred leader first.'),
}, { $id: 'PlannedMove' })
export type PlannedMove = Static<typeof PlannedMove>

export const ClusterPlan = Type.Object({
  moves: Type.Array(PlannedMove, { description: 'In the order in which they are made.' }),
  blocked: Type.Array(Type.Object({ ...PartitionId, broker: Type.Integer(), reason: Type.String() }), { description: 'Replicas that cannot leave a broker that drains.' }),
  totalBytes: Type.Integer(),
}, { $id: 'ClusterPlan' })
export type ClusterPlan = Static<typeof ClusterPlan>

export const Draining = Type.Object({ draining: Type.Boolean({ description: 'Whether the broker is to hold nothing.' }) }, { $id: 'Draining', additionalProperties: false })
export type Draining = Static<typeof Draining>

export const ClusterFeature = Type.Object({
  feature: Type.String(),
  supportedMinVersion: Type.Integer({ description: 'Lowest level that all brokers support.' }),
  supportedMaxVersion: Type.Integer({ description: 'Highest level that all brokers support.' }),
  finalizedVersionLevel: Type.Integer({ description: 'The level that the cluster uses; 0 for none.' }),
  epoch: Type.Integer({ description: 'Offset of the metadata that tells the level.' }),
}, { $id: 'ClusterFeature' })
export type ClusterFeature = Static<typeof ClusterFeature>

export const PlanQuery = Type.Object({
  imbalancePercentage: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'Instead of balancer.imbalance.percentage.' })),
  imbalanceBytes: Type.Optional(Type.Integer({ minimum: 0, description: 'Instead of balancer.imbalance.bytes.' })),
}, { $id: 'PlanQuery', additionalProperties: false })
export type PlanQuery = Static<typeof PlanQuery>

export const NewVoter = Type.Object({
  nodeId: Type.Integer({ minimum: 0 }),
  directoryId: Type.Optional(Type.String({ description: 'Directory of its metadata log; by default the one that it reads with.' })),
  listener: Type.Object({ name: Type.String(), host: Type.String(), port: Type.Integer({ minimum: 1, maximum: 65535 }) }, { description: 'Where the other voters reach it.' }),
}, { $id: 'NewVoter', additionalProperties: false })
export type NewVoter = Static<typeof NewVoter>

export const FeatureUpgrades = Type.Object({
  levels: Type.Record(Type.String(), Type.Integer({ minimum: 0, maximum: 32767 }), { description: 'Levels by feature.' }),
  validateOnly: Type.Optional(Type.Boolean({ description: 'Check only, change nothing.' })),
}, { $id: 'FeatureUpgrades', additionalProperties: false })
export type FeatureUpgrades = Static<typeof FeatureUpgrades>
