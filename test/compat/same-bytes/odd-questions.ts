// Fields as nobody should fill them, and as few do: each API at all of its versions.

import { crc32c, recordBatch } from '../../support/produce-fetch.ts'
import { NO_ID, UNKNOWN_ID, ask } from './question.ts'
import type { Question } from './question.ts'

const NOW = Date.now()
const WAIT = { timeoutMs: 60_000 }
const plain = (name: string, numPartitions = 1, replicationFactor = 1) => ({ name, numPartitions, replicationFactor })
const BATCH = recordBatch(['one', 'two', 'three'], undefined, NOW)

const put = (what: string, records: Uint8Array | null, more: { from?: number; to?: number; topic?: string } = {}): Question =>
  ask('Produce', what, { acks: -1, timeoutMs: 60_000, topicData: [{ name: more.topic ?? 'odd', partitionData: [{ index: 0, records }] }] } as never, { from: more.from ?? 3, to: more.to ?? 12 })
/** A batch of an idempotent producer of its own for every version, so that each finds the partition as the one before did. */
const sequenced = (what: string, producerEpoch: number, baseSequence: number): Question =>
  ask('Produce', what, (version) => ({ acks: -1, timeoutMs: 60_000, topicData: [{ name: 'odd', partitionData: [{ index: 1, records: recordBatch(['x'], { producerId: BigInt(500_000 + version), producerEpoch, baseSequence }, NOW) }] }] }) as never, { from: 3, to: 12 })
const bent = (change: (batch: Buffer) => void): Buffer => {
  const batch = Buffer.from(BATCH)
  change(batch)
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  return batch
}

const PRODUCE: Question[] = [
  ask('CreateTopics', 'for odd records', { topics: [plain('odd', 3), { ...plain('small'), configs: [{ name: 'max.message.bytes', value: '100' }] }, { ...plain('stamped'), configs: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }] }, { ...plain('dated'), configs: [{ name: 'message.timestamp.before.max.ms', value: '1000' }] }, { ...plain('zipped'), configs: [{ name: 'compression.type', value: 'gzip' }] }], ...WAIT }, { from: 7 }),
  put('to no name', BATCH, { topic: '' }),
  put('to an impossible name', BATCH, { topic: 'a/b' }),
  put('to what is the broker’s own', BATCH, { topic: '__consumer_offsets' }),
  put('too large a batch', recordBatch(['x'.repeat(200)], undefined, NOW), { topic: 'small' }),
  put('a batch that gets the broker’s time', BATCH, { topic: 'stamped' }),
  put('a batch from long ago', recordBatch(['x'], undefined, NOW - 86_400_000), { topic: 'dated' }),
  put('with a base offset', bent((batch) => batch.writeBigInt64BE(77n, 0))),
  put('of another format', bent((batch) => batch.writeInt8(3, 16))),
  put('of the oldest format', bent((batch) => batch.writeInt8(0, 16))),
  put('with a codec that is none', bent((batch) => batch.writeInt16BE(5, 21))),
  put('zipped, that is not', bent((batch) => batch.writeInt16BE(1, 21))),
  put('with the broker’s own kind of time', bent((batch) => batch.writeInt16BE(8, 21))),
  put('as a control batch', bent((batch) => batch.writeInt16BE(0x20, 21))),
  put('with a horizon', bent((batch) => batch.writeInt16BE(0x40, 21))),
  put('with attributes that mean nothing', bent((batch) => batch.writeInt16BE(0x100, 21))),
  put('with a greater count', bent((batch) => batch.writeInt32BE(4, 57))),
  put('with a smaller count', bent((batch) => batch.writeInt32BE(2, 57))),
  put('with no record', bent((batch) => batch.writeInt32BE(0, 57))),
  put('with less than no record', bent((batch) => batch.writeInt32BE(-1, 57))),
  put('with a wrong last offset', bent((batch) => batch.writeInt32BE(9, 23))),
  put('with a wrong greatest time', bent((batch) => batch.writeBigInt64BE(BigInt(NOW + 60_000), 35))),
  put('with no time', bent((batch) => {
    batch.writeBigInt64BE(-1n, 27)
    batch.writeBigInt64BE(-1n, 35)
  })),
  put('with a length that lies', bent((batch) => batch.writeInt32BE(5, 8))),
  put('a producer without a sequence', recordBatch(['x'], { producerId: 4000n, producerEpoch: 0, baseSequence: -1 }, NOW)),
  put('a producer without an epoch', recordBatch(['x'], { producerId: 4001n, producerEpoch: -1, baseSequence: 0 }, NOW)),
  put('a transaction without a producer', recordBatch(['x'], { producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: true }, NOW)),
  sequenced('a producer’s first', 3, 0),
  sequenced('a producer’s first again', 3, 0),
  sequenced('a producer’s next', 3, 1),
  sequenced('a producer’s next but one', 3, 3),
  sequenced('a producer’s old epoch', 2, 2),
  sequenced('a producer’s new epoch in the middle', 4, 5),
  sequenced('a producer’s new epoch', 4, 0),
  ask('Produce', 'to several', { acks: 1, timeoutMs: 60_000, topicData: [{ name: 'odd', partitionData: [{ index: 2, records: BATCH }, { index: -1, records: BATCH }, { index: 3, records: BATCH }] }, { name: 'gone', partitionData: [{ index: 0, records: BATCH }] }] } as never, { from: 3, to: 12 }),
  ask('Produce', 'to nothing', { acks: -1, timeoutMs: 60_000, topicData: [] }, { from: 3 }),
  ask('Produce', 'to a topic without partitions', { acks: -1, timeoutMs: 60_000, topicData: [{ name: 'odd', partitionData: [] }] } as never, { from: 3, to: 12 }),
  ask('Produce', 'by id', (_version, known) => ({ acks: -1, timeoutMs: 60_000, topicData: [{ topicId: known.topicIds.get('odd') ?? NO_ID, partitionData: [{ index: 2, records: BATCH }, { index: 9, records: BATCH }] }, { topicId: UNKNOWN_ID, partitionData: [{ index: 0, records: BATCH }] }] }) as never, { from: 13 }),
  ask('Produce', 'by no id', { acks: -1, timeoutMs: 60_000, topicData: [{ topicId: NO_ID, partitionData: [{ index: 0, records: BATCH }] }] } as never, { from: 13 }),
]

const get = (what: string, more: object, partitions: object[], versions: { from?: number; to?: number } = {}): Question =>
  ask('Fetch', what, { maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000, ...more, topics: [{ topic: 'odd', partitions: partitions.map((each) => ({ partition: 2, partitionMaxBytes: 1_000_000, fetchOffset: 0n, ...each })) }] } as never, { to: 12, ...versions })
const when = (what: string, more: object, versions: { from?: number; to?: number } = {}): Question =>
  ask('ListOffsets', what, (version) => ({ replicaId: -1, ...(version >= 2 ? { isolationLevel: 0 } : {}), topics: [{ name: 'odd', partitions: [{ partitionIndex: 2, timestamp: -1n, ...more }] }] }), versions)

const READ: Question[] = [
  get('no bytes', { maxBytes: 0 }, [{}]),
  get('less than no bytes', {}, [{ partitionMaxBytes: -1 }]),
  get('more than there is, for a while', { minBytes: 10_000_000, maxWaitMs: 20 }, [{}]),
  get('one partition twice', {}, [{}, { fetchOffset: 1n }], { to: 6 }),
  get('as a replica that is none', { replicaId: 9 }, [{}]),
  get('for debugging', { replicaId: -2 }, [{}]),
  get('at the end', {}, [{ fetchOffset: 1000n }]),
  get('with what was read last', {}, [{ fetchOffset: 1n, lastFetchedEpoch: 0 }], { from: 12 }),
  get('with an epoch that never was', {}, [{ fetchOffset: 1n, lastFetchedEpoch: 7 }], { from: 12 }),
  get('with an old leader', {}, [{ currentLeaderEpoch: 0 }], { from: 9 }),
  get('from a rack', { rackId: 'r1' }, [{}], { from: 11 }),
  get('in a new session', { sessionId: 0, sessionEpoch: 0 }, [{}, { partition: 9 }], { from: 7 }),
  get('in the middle of no session', { sessionId: 0, sessionEpoch: 5 }, [{}], { from: 7 }),
  get('an end of no session', { sessionId: 999, sessionEpoch: -1 }, [{}], { from: 7 }),
  get('of no isolation', { isolationLevel: 9 }, [{}]),
  ask('Fetch', 'by no id', { maxWaitMs: 0, minBytes: 0, maxBytes: 1000, topics: [{ topicId: NO_ID, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }] }] } as never, { from: 13 }),
  ask('Fetch', 'nothing', { maxWaitMs: 0, minBytes: 0, maxBytes: 1000, sessionEpoch: -1, topics: [] } as never),
  when('with an old leader', { currentLeaderEpoch: 0 }, { from: 4 }),
  when('of what waits to be tiered', { timestamp: -6n }, { from: 11 }),
  when('of a negative time', { timestamp: -7n }),
  when('at the beginning of time', { timestamp: 0n }),
  ask('ListOffsets', 'one partition twice', { replicaId: -1, topics: [{ name: 'odd', partitions: [{ partitionIndex: 2, timestamp: -1n }, { partitionIndex: 2, timestamp: -2n }] }] }),
  ask('ListOffsets', 'for debugging', { replicaId: -2, topics: [{ name: 'odd', partitions: [{ partitionIndex: 2, timestamp: -1n }] }] }),
  ask('ListOffsets', 'as a replica that is none', { replicaId: 9, topics: [{ name: 'odd', partitions: [{ partitionIndex: 2, timestamp: -1n }] }] }),
  ask('ListOffsets', 'of nothing', { replicaId: -1, topics: [] }),
  ask('ListOffsets', 'of no name', { replicaId: -1, topics: [{ name: '', partitions: [{ partitionIndex: 0, timestamp: -1n }] }] }),
  ask('OffsetForLeaderEpoch', 'of less than no epoch', (version) => ({ ...(version >= 3 ? { replicaId: -2 } : {}), topics: [{ topic: 'odd', partitions: [{ partition: 2, leaderEpoch: -1, currentLeaderEpoch: -1 }, { partition: 2, leaderEpoch: 0, currentLeaderEpoch: 9 }] }] })),
  ask('DeleteRecords', 'all', { topics: [{ name: 'odd', partitions: [{ partitionIndex: 0, offset: -1n }, { partitionIndex: 1, offset: -2n }] }], ...WAIT }),
  ask('DeleteRecords', 'of what is compacted or the broker’s own', { topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 0n }] }, { name: '__consumer_offsets', partitions: [{ partitionIndex: 0, offset: 0n }] }], ...WAIT }),
]

const CATALOGUE: Question[] = [
  ask('Metadata', 'of a name that may be made but cannot', { topics: [{ name: 'a/b' }, { name: '' }, { name: 'x'.repeat(250) }], allowAutoTopicCreation: true }, { from: 4 }),
  ask('Metadata', 'of one topic twice', (version) => ({ topics: [{ name: 't' }, { name: 't' }], ...(version >= 4 ? { allowAutoTopicCreation: false } : {}) })),
  ask('Metadata', 'of name and id', (_version, known) => ({ topics: [{ name: 't', topicId: known.topicIds.get('t') ?? NO_ID }], allowAutoTopicCreation: false }), { from: 10 }),
  ask('Metadata', 'of neither', { topics: [{ name: null, topicId: NO_ID }] as never, allowAutoTopicCreation: false }, { from: 12 }),
  ask('Metadata', 'with operations of the cluster', { topics: [], includeClusterAuthorizedOperations: true }, { from: 8, to: 10 }),
  ask('DescribeCluster', 'of no kind of endpoint', { endpointType: 9 }, { from: 1 }),
  ask('DescribeCluster', 'with fenced brokers', { includeFencedBrokers: true }, { from: 2 }),
  ask('DescribeTopicPartitions', 'from a topic that is not asked', { topics: [{ name: 't' }], responsePartitionLimit: 10, cursor: { topicName: 'zzz', partitionIndex: 0 } }),
  ask('DescribeTopicPartitions', 'from less than the first', { topics: [{ name: 't' }], responsePartitionLimit: 10, cursor: { topicName: 't', partitionIndex: -1 } }),
  ask('DescribeTopicPartitions', 'no more than none', { topics: [{ name: 't' }], responsePartitionLimit: 0 }),
  ask('DescribeTopicPartitions', 'less than none', { topics: [{ name: 't' }], responsePartitionLimit: -5 }),
  ask('DescribeLogDirs', 'of nothing', { topics: [] }),
  ask('DescribeLogDirs', 'of what is not there', { topics: [{ topic: 'gone', partitions: [0] }] }),
  ask('DescribeProducers', 'of nothing', { topics: [] }),
  ask('ElectLeaders', 'of no kind', { electionType: 9, topicPartitions: [{ topic: 't', partitions: [0] }], ...WAIT }, { from: 1 }),
  ask('ElectLeaders', 'of none', { topicPartitions: [], ...WAIT }),
  ask('ListPartitionReassignments', 'of some', { topics: [{ name: 't', partitionIndexes: [0, 9] }, { name: 'gone', partitionIndexes: [0] }], ...WAIT }),
  ask('AlterPartitionReassignments', 'of none', { topics: [], ...WAIT }),
  ask('AlterPartitionReassignments', 'to one broker twice', { topics: [{ name: 't', partitions: [{ partitionIndex: 0, replicas: [1, 1] }, { partitionIndex: 1, replicas: [-1] }] }], ...WAIT }),
  ask('DescribeQuorum', 'of nothing', { topics: [] }),
  ask('DescribeQuorum', 'of a partition that is not there', { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 1 }] }] }),
  ask('UpdateFeatures', 'nothing', { featureUpdates: [], ...WAIT }),
  ask('UpdateFeatures', 'to what it is', { featureUpdates: [{ feature: 'group.version', maxVersionLevel: 1, upgradeType: 1 }], ...WAIT }, { from: 1 }),
  ask('UpdateFeatures', 'to too much', { featureUpdates: [{ feature: 'transaction.version', maxVersionLevel: 9, upgradeType: 1 }], ...WAIT, validateOnly: true }, { from: 1 }),
  ask('UpdateFeatures', 'down without saying so', { featureUpdates: [{ feature: 'transaction.version', maxVersionLevel: 1, upgradeType: 1 }], ...WAIT, validateOnly: true }, { from: 1 }),
  ask('UpdateFeatures', 'in no way', { featureUpdates: [{ feature: 'transaction.version', maxVersionLevel: 1, upgradeType: 9 }], ...WAIT, validateOnly: true }, { from: 1 }),
  ask('DescribeClientQuotas', 'of no kind', { components: [{ entityType: 'planet', matchType: 0, match: 'x' }], strict: false }),
  ask('DescribeClientQuotas', 'that match in no way', { components: [{ entityType: 'user', matchType: 9, match: 'x' }], strict: false }),
  ask('DescribeClientQuotas', 'of one kind twice', { components: [{ entityType: 'user', matchType: 0, match: 'x' }, { entityType: 'user', matchType: 1, match: null }], strict: true }),
  ask('DescribeClientQuotas', 'of somebody', { components: [{ entityType: 'user', matchType: 0, match: 'x' }], strict: true }),
  ask('DescribeUserScramCredentials', 'of some', { users: [{ name: 'x' }, { name: 'y' }, { name: 'y' }] }),
  ask('DescribeUserScramCredentials', 'of no name', { users: [{ name: '' }] }),
  ask('ListConfigResources', 'of kinds', { resourceTypes: [2, 4, 8, 16, 32] }, { from: 1 }),
  ask('ListConfigResources', 'of no kind', { resourceTypes: [9] }, { from: 1 }),
  ask('CreatePartitions', 'of one topic twice', { topics: [{ name: 't', count: 9 }, { name: 't', count: 8 }], ...WAIT }),
  ask('CreatePartitions', 'where assignments do not fit', { topics: [{ name: 't', count: 5, assignments: [{ brokerIds: [1] }] }, { name: 'odd', count: 4, assignments: [{ brokerIds: [] }] }, { name: 'small', count: 2, assignments: [{ brokerIds: [1, 1] }] }, { name: 'dated', count: -1 }], ...WAIT }),
  ask('CreatePartitions', 'of none', { topics: [], ...WAIT }),
  ask('CreateTopics', 'with both numbers and assignments', { topics: [{ name: 'm1', numPartitions: 2, replicationFactor: 1, assignments: [{ partitionIndex: 0, brokerIds: [1] }] }, { name: 'm2', numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1] }, { partitionIndex: 0, brokerIds: [1] }] }], ...WAIT }),
  ask('CreateTopics', 'that are the broker’s own', { topics: [plain('__consumer_offsets'), plain('__cluster_metadata')], ...WAIT }),
  ask('CreateTopics', 'with one config twice', { topics: [{ ...plain('c6'), configs: [{ name: 'retention.ms', value: '1' }, { name: 'retention.ms', value: '2' }] }], ...WAIT }),
  ask('CreateTopics', 'with configs that do not fit each other', { topics: [{ ...plain('c7'), configs: [{ name: 'segment.bytes', value: '10' }] }, { ...plain('c8'), configs: [{ name: 'min.compaction.lag.ms', value: '9' }, { name: 'max.compaction.lag.ms', value: '3' }] }, { ...plain('c9'), configs: [{ name: 'remote.storage.enable', value: 'true' }] }, { ...plain('c10'), configs: [{ name: 'leader.replication.throttled.replicas', value: 'nonsense' }] }], ...WAIT }),
  ask('DeleteTopics', 'one twice', (version) => (version < 6 ? { topicNames: ['twice', 'twice'], ...WAIT } : { topics: [{ name: 'n1' }, { name: 'n1' }], ...WAIT })),
  ask('DeleteTopics', 'none', (version) => (version < 6 ? { topicNames: [], ...WAIT } : { topics: [], ...WAIT })),
]

const set = (what: string, ...resources: object[]): Question => ask('IncrementalAlterConfigs', what, { resources } as never)
const topicConfig = (name: string, configOperation: number, value: string | null, resourceName = 'configured'): object => ({ resourceType: 2, resourceName, configs: [{ name, configOperation, value }] })

const CONFIGS: Question[] = [
  ask('DescribeConfigs', 'of kinds that are none', { resources: [{ resourceType: 9, resourceName: 'x', configurationKeys: null }, { resourceType: 0, resourceName: '', configurationKeys: null }] }),
  ask('DescribeConfigs', 'of impossible names', { resources: [{ resourceType: 2, resourceName: '', configurationKeys: [] }, { resourceType: 2, resourceName: 'a/b', configurationKeys: [] }, { resourceType: 4, resourceName: 'x', configurationKeys: [] }, { resourceType: 4, resourceName: '9', configurationKeys: [] }] }),
  ask('DescribeConfigs', 'of no keys', { resources: [{ resourceType: 2, resourceName: 't', configurationKeys: [] }] }),
  ask('DescribeConfigs', 'of one topic twice', { resources: [{ resourceType: 2, resourceName: 't', configurationKeys: ['retention.ms'] }, { resourceType: 2, resourceName: 't', configurationKeys: ['retention.bytes'] }] }),
  ask('DescribeConfigs', 'of all brokers', { resources: [{ resourceType: 4, resourceName: '', configurationKeys: null }] }),
  ask('DescribeConfigs', 'of a group', { resources: [{ resourceType: 32, resourceName: 'g', configurationKeys: null }], includeSynonyms: true }),
  ask('DescribeConfigs', 'of a metrics subscription', { resources: [{ resourceType: 16, resourceName: 'm', configurationKeys: null }] }),
  set('a list grows and shrinks', topicConfig('cleanup.policy', 2, 'delete'), topicConfig('cleanup.policy', 3, 'nothing', 't')),
  set('not a list', topicConfig('retention.ms', 3, '1')),
  set('in no way', topicConfig('retention.ms', 9, '1')),
  set('a number out of bounds', topicConfig('segment.bytes', 0, '1'), topicConfig('min.cleanable.dirty.ratio', 0, '2', 't')),
  set('an empty list', topicConfig('cleanup.policy', 0, '')),
  set('back to the default', topicConfig('retention.ms', 1, null)),
  set('a default that is one', topicConfig('no.such', 1, null)),
  set('a group', { resourceType: 32, resourceName: 'g', configs: [{ name: 'consumer.session.timeout.ms', configOperation: 0, value: '46000' }] }),
  set('a group wrongly', { resourceType: 32, resourceName: 'g', configs: [{ name: 'consumer.session.timeout.ms', configOperation: 0, value: '1' }] }, { resourceType: 32, resourceName: '', configs: [{ name: 'consumer.session.timeout.ms', configOperation: 0, value: '46000' }] }, { resourceType: 32, resourceName: 'h', configs: [{ name: 'no.such', configOperation: 0, value: '1' }] }),
  set('a kind that is none', { resourceType: 9, resourceName: 'x', configs: [{ name: 'x', configOperation: 0, value: '1' }] }),
  set('one resource twice', topicConfig('retention.ms', 0, '1', 't'), topicConfig('retention.bytes', 0, '1', 't')),
  set('nothing of a topic', { resourceType: 2, resourceName: 't', configs: [] }),
  ask('IncrementalAlterConfigs', 'only to see', { resources: [topicConfig('retention.ms', 0, '1', 't'), topicConfig('retention.ms', 0, 'x', 'odd')] as never, validateOnly: true }),
  ask('AlterConfigs', 'of kinds that are none', { resources: [{ resourceType: 9, resourceName: 'x', configs: [{ name: 'x', value: '1' }] }, { resourceType: 2, resourceName: '', configs: [] }] }),
  ask('AlterConfigs', 'only to see', { resources: [{ resourceType: 2, resourceName: 't', configs: [{ name: 'retention.ms', value: 'x' }] }], validateOnly: true }),
  ask('AlterConfigs', 'nothing', { resources: [] }),
  ask('DescribeConfigs', 'of a group after that', { resources: [{ resourceType: 32, resourceName: 'g', configurationKeys: null }] }),
]

const OFFSETS: Question[] = [
  ask('OffsetCommit', 'with much to say', { groupId: 'talker', memberId: '', generationIdOrMemberEpoch: -1, topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: 'x'.repeat(5000) }] }] } as never, { to: 9 }),
  ask('OffsetCommit', 'of no topic', { groupId: 'talker', memberId: '', generationIdOrMemberEpoch: -1, topics: [] } as never, { to: 9 }),
  ask('OffsetCommit', 'of no name', { groupId: 'talker', memberId: '', generationIdOrMemberEpoch: -1, topics: [{ name: '', partitions: [{ partitionIndex: 0, committedOffset: 1n }] }] } as never, { to: 9 }),
  ask('OffsetCommit', 'one partition twice', { groupId: 'talker', memberId: '', generationIdOrMemberEpoch: -1, topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1n }, { partitionIndex: 0, committedOffset: 2n }] }] } as never, { to: 9 }),
  ask('OffsetCommit', 'of a generation without a member', { groupId: 'talker', memberId: '', generationIdOrMemberEpoch: 3, topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1n }] }] } as never, { to: 9 }),
  ask('OffsetFetch', 'after that', (version) => (version < 8 ? { groupId: 'talker', topics: [{ name: 't', partitionIndexes: [0] }] } : { groups: [{ groupId: 'talker', topics: [{ name: 't', partitionIndexes: [0] }] }, { groupId: 'talker', topics: [{ name: 't', partitionIndexes: [0] }] }] }) as never, { to: 9 }),
  ask('OffsetDelete', 'nothing', { groupId: 'talker', topics: [] }),
  ask('FindCoordinator', 'of share groups', { keyType: 2, coordinatorKeys: [`g:${UNKNOWN_ID}:0`] }, { from: 6 }),
  ask('FindCoordinator', 'of a share group that cannot be', { keyType: 2, coordinatorKeys: ['g', 'g:x:0', `:${UNKNOWN_ID}:0`, `g:${UNKNOWN_ID}:x`] }, { from: 6 }),
  ask('FindCoordinator', 'of share groups too early', { keyType: 2, coordinatorKeys: [`g:${UNKNOWN_ID}:0`] }, { from: 4, to: 5 }),
  ask('FindCoordinator', 'of nothing', { keyType: 0, coordinatorKeys: [] }, { from: 4 }),
  ask('DescribeGroups', 'none', { groups: [] }),
  ask('DeleteGroups', 'none', { groupsNames: [] }),
  ask('InitProducerId', 'with an epoch without an id', { transactionalId: 'half', transactionTimeoutMs: 10_000, producerId: -1n, producerEpoch: 3 }, { from: 3 }),
  ask('InitProducerId', 'with an id without an epoch', { transactionalId: 'half', transactionTimeoutMs: 10_000, producerId: 3n, producerEpoch: -1 }, { from: 3 }),
  ask('InitProducerId', 'with an id of no transaction', { transactionalId: null, transactionTimeoutMs: 10_000, producerId: 3n, producerEpoch: 3 }, { from: 3 }),
]

const SHARE_MEMBER = 'AAAAAAAAAAAAAAAAAAAABA'
const shareFetch = (what: string, more: object): Question => ask('ShareFetch', what, { groupId: 'sharing', memberId: SHARE_MEMBER, shareSessionEpoch: 0, maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000, maxRecords: 10, batchSize: 10, topics: [], ...more } as never)
const acknowledge = (what: string, more: object): Question => ask('ShareAcknowledge', what, { groupId: 'sharing', memberId: SHARE_MEMBER, shareSessionEpoch: 1, topics: [], ...more } as never)

const SHARE: Question[] = [
  ask('ShareGroupHeartbeat', 'no member', { groupId: 'sharing', memberId: '', memberEpoch: 0, subscribedTopicNames: ['no-such-topic'] }),
  ask('ShareGroupHeartbeat', 'a first member', { groupId: 'sharing', memberId: SHARE_MEMBER, memberEpoch: 0, subscribedTopicNames: ['no-such-topic'] }),
  ask('ShareGroupHeartbeat', 'a first member that reads nothing', { groupId: 'sharing-nothing', memberId: SHARE_MEMBER, memberEpoch: 0, subscribedTopicNames: null }),
  ask('ShareGroupHeartbeat', 'of no subscription', { groupId: 'sharing-nothing', memberId: SHARE_MEMBER, memberEpoch: 0, subscribedTopicNames: [] }),
  ask('ShareGroupHeartbeat', 'of another epoch', { groupId: 'sharing', memberId: SHARE_MEMBER, memberEpoch: 99 }),
  ask('ShareGroupHeartbeat', 'of a stranger', { groupId: 'sharing', memberId: 'AAAAAAAAAAAAAAAAAAAABw', memberEpoch: 3 }),
  ask('ShareGroupHeartbeat', 'of no epoch', { groupId: 'sharing', memberId: SHARE_MEMBER, memberEpoch: -2 }),
  ask('ShareGroupDescribe', 'that lives', { groupIds: ['sharing', ''], includeAuthorizedOperations: true }),
  ask('ListGroups', 'that share', { typesFilter: ['share'] }, { from: 5 }),
  shareFetch('with no group', { groupId: null }),
  shareFetch('with no member', { memberId: null }),
  shareFetch('as a stranger', { memberId: 'AAAAAAAAAAAAAAAAAAAABw', shareSessionEpoch: 3 }),
  shareFetch('what has no name', { topics: [{ topicId: UNKNOWN_ID, partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }] }] }),
  shareFetch('acknowledging at first', { topics: [{ topicId: UNKNOWN_ID, partitions: [{ partitionIndex: 0, acknowledgementBatches: [{ firstOffset: 0n, lastOffset: 1n, acknowledgeTypes: [1] }] }] }] }),
  acknowledge('in no session', { topics: [{ topicId: UNKNOWN_ID, partitions: [{ partitionIndex: 0, acknowledgementBatches: [{ firstOffset: 0n, lastOffset: 1n, acknowledgeTypes: [1] }] }] }], memberId: 'AAAAAAAAAAAAAAAAAAAABw' }),
  acknowledge('at first', { shareSessionEpoch: 0 }),
  acknowledge('with no group', { groupId: null }),
  ask('ShareGroupHeartbeat', 'that leaves', { groupId: 'sharing', memberId: SHARE_MEMBER, memberEpoch: -1 }),
  ask('DescribeShareGroupOffsets', 'of one that is left', { groups: [{ groupId: 'sharing', topics: null }, { groupId: '', topics: null }, { groupId: 'sharing', topics: [{ topicName: 't', partitions: [0] }] }] }),
  ask('AlterShareGroupOffsets', 'of topics that are not there', { groupId: 'sharing', topics: [{ topicName: 'gone', partitions: [{ partitionIndex: 0, startOffset: 0n }] }] }),
  ask('AlterShareGroupOffsets', 'of no group', { groupId: '', topics: [] }),
  ask('DeleteShareGroupOffsets', 'of topics that are not there', { groupId: 'sharing', topics: [{ topicName: 'gone' }] }),
  ask('InitializeShareGroupState', 'of nothing', { groupId: 'states', topics: [] }),
  ask('InitializeShareGroupState', 'of no group', { groupId: '', topics: [{ topicId: UNKNOWN_ID, partitions: [{ partition: 0, stateEpoch: 1, startOffset: 0n }] }] }),
  ask('InitializeShareGroupState', 'of a topic that is not there', { groupId: 'states', topics: [{ topicId: UNKNOWN_ID, partitions: [{ partition: 0, stateEpoch: 1, startOffset: 0n }] }] }),
  ask('InitializeShareGroupState', 'of a partition', (_version, known) => ({ groupId: 'states', topics: [{ topicId: known.topicIds.get('odd') ?? NO_ID, partitions: [{ partition: 0, stateEpoch: 1, startOffset: 5n }, { partition: -1, stateEpoch: 1, startOffset: 0n }] }] })),
  ask('ReadShareGroupState', 'of a partition', (_version, known) => ({ groupId: 'states', topics: [{ topicId: known.topicIds.get('odd') ?? NO_ID, partitions: [{ partition: 0, leaderEpoch: 0 }] }] })),
  ask('ReadShareGroupState', 'of what is not there', (_version, known) => ({ groupId: 'states', topics: [{ topicId: known.topicIds.get('odd') ?? NO_ID, partitions: [{ partition: 1, leaderEpoch: 0 }] }, { topicId: UNKNOWN_ID, partitions: [{ partition: 0, leaderEpoch: 0 }] }] })),
  ask('WriteShareGroupState', 'of a partition', (_version, known) => ({ groupId: 'states', topics: [{ topicId: known.topicIds.get('odd') ?? NO_ID, partitions: [{ partition: 0, stateEpoch: 1, leaderEpoch: 0, startOffset: 6n, stateBatches: [{ firstOffset: 7n, lastOffset: 9n, deliveryState: 2, deliveryCount: 1 }] }] }] })),
  ask('WriteShareGroupState', 'of an older epoch', (_version, known) => ({ groupId: 'states', topics: [{ topicId: known.topicIds.get('odd') ?? NO_ID, partitions: [{ partition: 0, stateEpoch: 0, leaderEpoch: 0, startOffset: 6n, stateBatches: [] }] }] })),
  ask('WriteShareGroupState', 'of an older leader', (_version, known) => ({ groupId: 'states', topics: [{ topicId: known.topicIds.get('odd') ?? NO_ID, partitions: [{ partition: 0, stateEpoch: 1, leaderEpoch: -1, startOffset: 6n, stateBatches: [] }] }] })),
  ask('WriteShareGroupState', 'of what is not there', (_version, known) => ({ groupId: 'states', topics: [{ topicId: known.topicIds.get('odd') ?? NO_ID, partitions: [{ partition: 1, stateEpoch: 1, leaderEpoch: 0, startOffset: 6n, stateBatches: [] }] }] })),
  ask('ReadShareGroupState', 'after that', (_version, known) => ({ groupId: 'states', topics: [{ topicId: known.topicIds.get('odd') ?? NO_ID, partitions: [{ partition: 0, leaderEpoch: 0 }] }] })),
  ask('ReadShareGroupStateSummary', 'after that', (_version, known) => ({ groupId: 'states', topics: [{ topicId: known.topicIds.get('odd') ?? NO_ID, partitions: [{ partition: 0, leaderEpoch: 0 }, { partition: 2, leaderEpoch: 0 }] }] })),
  ask('DeleteShareGroupState', 'of partitions', (_version, known) => ({ groupId: 'states', topics: [{ topicId: known.topicIds.get('odd') ?? NO_ID, partitions: [{ partition: 0 }, { partition: 2 }] }] })),
]

const streams = (what: string, more: object): Question =>
  ask('StreamsGroupHeartbeat', what, { groupId: 'streams', memberId: 'AAAAAAAAAAAAAAAAAAAABA', memberEpoch: 0, rebalanceTimeoutMs: 60_000, processId: 'p', clientTags: [], activeTasks: [], standbyTasks: [], warmupTasks: [], topology: { epoch: 0, subtopologies: [{ subtopologyId: '0', sourceTopics: ['no-such-topic'] }] }, ...more } as never, { to: 0 })

const STREAMS: Question[] = [
  streams('of no group', { groupId: '' }),
  streams('of no member', { memberId: '' }),
  streams('without a topology', { topology: null }),
  streams('without a process', { processId: null }),
  streams('whose rebalance takes no time', { rebalanceTimeoutMs: -1 }),
  streams('with tasks at first', { activeTasks: [{ subtopologyId: '0', partitions: [0] }] }),
  streams('of a topology with a bad expression', { topology: { epoch: 0, subtopologies: [{ subtopologyId: '0', sourceTopicRegex: ['('] }] } }),
  streams('of a stranger', { memberId: 'AAAAAAAAAAAAAAAAAAAABw', memberEpoch: 3, topology: null }),
  ask('StreamsGroupDescribe', 'none', { groupIds: [] }),
  ask('StreamsGroupDescribe', 'of another kind', { groupIds: ['talker', ''], includeAuthorizedOperations: true }),
]

export const ODD_QUESTIONS: readonly Question[] = [...PRODUCE, ...READ, ...CATALOGUE, ...CONFIGS, ...OFFSETS, ...SHARE, ...STREAMS]
