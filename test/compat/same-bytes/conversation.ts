// What both brokers are asked, in order, at every version that both serve.

import { recordBatch } from '../../support/produce-fetch.ts'
import { LIVES } from './lives.ts'
import { ODD_QUESTIONS } from './odd-questions.ts'
import { NO_ID, UNKNOWN_ID, ask } from './question.ts'
import type { Question } from './question.ts'
import type { Encodable, RequestOf } from '../../../src/protocol/api-keys.ts'

const NOW = Date.now()
const LONG = 'x'.repeat(250)
const BATCH = recordBatch(['one', 'two', 'three'], undefined, NOW)
const damaged = Buffer.from(BATCH)
damaged[70] = (damaged[70] ?? 0) ^ 1

const create = (what: string, ...topics: Encodable<RequestOf<'CreateTopics'>>['topics'] & object[]): Question => ask('CreateTopics', what, { topics, timeoutMs: 60_000 })
const plain = (name: string, numPartitions = 1, replicationFactor = 1) => ({ name, numPartitions, replicationFactor })

const TOPICS: Question[] = [
  ask('CreateTopics', 'a topic of each version', (version) => ({ topics: [plain(`v${version}`, 2)], timeoutMs: 60_000 })),
  create('a topic again', plain('t', 3), plain('compacted')),
  create('topics that are there', plain('t', 3)),
  create('names that cannot be', plain(''), plain('.'), plain('..'), plain('a/b'), plain(LONG), plain('a b'), plain('ü')),
  create('numbers that cannot be', plain('n1', 0), plain('n2', -2), plain('n3', 1, 0), plain('n4', 1, -2), plain('n5', 1, 3), plain('n6', 1, 32_000)),
  create('defaults', plain('d', -1, -1)),
  create('the same name twice', plain('twice'), plain('twice')),
  create('configs that cannot be', { ...plain('c1'), configs: [{ name: 'no.such', value: '1' }] }, { ...plain('c2'), configs: [{ name: 'retention.ms', value: 'x' }] }, { ...plain('c3'), configs: [{ name: 'cleanup.policy', value: 'shred' }] }, { ...plain('c4'), configs: [{ name: 'retention.ms', value: null }] }, { ...plain('c5'), configs: [{ name: 'min.insync.replicas', value: '0' }] }),
  create('configs', { ...plain('configured'), configs: [{ name: 'retention.ms', value: '1000' }, { name: 'cleanup.policy', value: 'compact,delete' }] }),
  create('assignments', { name: 'as1', numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1] }, { partitionIndex: 1, brokerIds: [1] }] }, { name: 'as2', numPartitions: 1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1] }] }, { name: 'as3', numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 1, brokerIds: [1] }] }, { name: 'as4', numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [9] }] }, { name: 'as5', numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [] }] }, { name: 'as6', numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1, 1] }] }),
  create('names that collide', plain('a.b'), plain('a_b')),
  ask('CreateTopics', 'only to see', { topics: [plain('seen', 2), plain('t')], validateOnly: true, timeoutMs: 60_000 }),
  create('none'),
  ask('CreatePartitions', 'more', (version) => ({ topics: [{ name: `v${version + 2}`, count: 4 }], timeoutMs: 60_000 })),
  ask('CreatePartitions', 'what cannot be', { topics: [{ name: 't', count: 3 }, { name: 'd', count: 0 }, { name: 'gone', count: 2 }, { name: 'v4', count: 5, assignments: [{ brokerIds: [9] }] }, { name: 'v5', count: 20_000 }], timeoutMs: 60_000 }),
  ask('CreatePartitions', 'only to see', { topics: [{ name: 't', count: 5 }], validateOnly: true, timeoutMs: 60_000 }),
]

const METADATA: Question[] = [
  ask('Metadata', 'of all', { topics: null, allowAutoTopicCreation: false }, { from: 10 }),
  ask('Metadata', 'of one topic', (version) => ({ topics: [{ name: 't' }], allowAutoTopicCreation: version < 4 ? true : false })),
  ask('Metadata', 'of unknown and impossible names', { topics: [{ name: 'gone' }, { name: 'a/b' }, { name: '' }], allowAutoTopicCreation: false }, { from: 4 }),
  ask('Metadata', 'with operations', { topics: [{ name: 't' }], includeTopicAuthorizedOperations: true, allowAutoTopicCreation: false }, { from: 8 }),
  ask('Metadata', 'by ids', (_version, known) => ({ topics: [{ name: null, topicId: known.topicIds.get('t') ?? NO_ID }, { name: null, topicId: UNKNOWN_ID }] as never, allowAutoTopicCreation: false }), { from: 12 }),
  ask('Metadata', 'of no topic', { topics: [], allowAutoTopicCreation: false }, { from: 1 }),
  ask('DescribeCluster', 'the cluster', { includeClusterAuthorizedOperations: true }),
  ask('DescribeCluster', 'of kinds of endpoints', (version) => (version === 0 ? {} : { endpointType: 2 })),
  ask('DescribeTopicPartitions', 'topics', { topics: [{ name: 't' }, { name: 'gone' }, { name: 'a/b' }], responsePartitionLimit: 2 }),
  ask('DescribeTopicPartitions', 'from a place', { topics: [{ name: 't' }], responsePartitionLimit: 2, cursor: { topicName: 't', partitionIndex: 1 } }),
  ask('DescribeQuorum', 'the metadata log', { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] }),
  ask('DescribeQuorum', 'another log', { topics: [{ topicName: 't', partitions: [{ partitionIndex: 0 }] }] }),
  ask('DescribeLogDirs', 'of a topic', { topics: [{ topic: 't', partitions: [0, 1, 9] }] }),
  ask('DescribeProducers', 'of partitions', { topics: [{ name: 't', partitionIndexes: [0, 9] }, { name: 'gone', partitionIndexes: [0] }] }),
  ask('ElectLeaders', 'that need not be', (version) => ({ ...(version === 0 ? {} : { electionType: 0 }), topicPartitions: [{ topic: 't', partitions: [0, 9] }, { topic: 'gone', partitions: [0] }], timeoutMs: 60_000 })),
  ask('ElectLeaders', 'unclean', { electionType: 1, topicPartitions: [{ topic: 't', partitions: [0] }], timeoutMs: 60_000 }, { from: 1 }),
  ask('AlterPartitionReassignments', 'to what is and cannot be', { topics: [{ name: 't', partitions: [{ partitionIndex: 0, replicas: [1] }, { partitionIndex: 1, replicas: [9] }, { partitionIndex: 2, replicas: [] }, { partitionIndex: 9, replicas: [1] }] }, { name: 'gone', partitions: [{ partitionIndex: 0, replicas: [1] }] }], timeoutMs: 60_000 }),
  ask('AlterPartitionReassignments', 'an end of what is not under way', { topics: [{ name: 't', partitions: [{ partitionIndex: 0, replicas: null }] }], timeoutMs: 60_000 }),
  ask('ListPartitionReassignments', 'all', { topics: null, timeoutMs: 60_000 }),
  ask('UpdateFeatures', 'unknown and impossible', { featureUpdates: [{ feature: 'no.such', maxVersionLevel: 1, upgradeType: 1 }], timeoutMs: 60_000 }, { from: 1 }),
  ask('DescribeAcls', 'all', { resourceTypeFilter: 1, operation: 1, permissionType: 1, patternTypeFilter: 1 }),
  ask('DescribeClientQuotas', 'all', { components: [], strict: false }),
  ask('DescribeUserScramCredentials', 'all', { users: null }),
  ask('ListConfigResources', 'of groups', { resourceTypes: [32] }, { from: 1 }),
]

const CONFIGS: Question[] = [
  ask('DescribeConfigs', 'of a topic', { resources: [{ resourceType: 2, resourceName: 'configured', configurationKeys: null }], includeSynonyms: true, includeDocumentation: false }),
  ask('DescribeConfigs', 'some of a topic', { resources: [{ resourceType: 2, resourceName: 't', configurationKeys: ['retention.ms', 'no.such', 'cleanup.policy'] }] }),
  ask('DescribeConfigs', 'of what is not there', { resources: [{ resourceType: 2, resourceName: 'gone', configurationKeys: null }, { resourceType: 2, resourceName: 'a/b', configurationKeys: null }, { resourceType: 4, resourceName: '9', configurationKeys: null }, { resourceType: 4, resourceName: 'x', configurationKeys: null }] }),
  ask('DescribeConfigs', 'of no kind', { resources: [{ resourceType: 2, resourceName: 't', configurationKeys: null }, { resourceType: 99, resourceName: 'x', configurationKeys: null }] }),
  ask('DescribeConfigs', 'of a group', { resources: [{ resourceType: 32, resourceName: 'g', configurationKeys: null }], includeSynonyms: true }),
  ask('IncrementalAlterConfigs', 'of a topic', { resources: [{ resourceType: 2, resourceName: 't', configs: [{ name: 'retention.ms', configOperation: 0, value: '5000' }, { name: 'cleanup.policy', configOperation: 2, value: 'compact' }] }] }),
  ask('IncrementalAlterConfigs', 'that cannot be', { resources: [{ resourceType: 2, resourceName: 'gone', configs: [{ name: 'retention.ms', configOperation: 0, value: '1' }] }, { resourceType: 2, resourceName: 'd', configs: [{ name: 'no.such', configOperation: 0, value: '1' }] }, { resourceType: 2, resourceName: 'v5', configs: [{ name: 'retention.ms', configOperation: 2, value: '1' }] }, { resourceType: 2, resourceName: 'v7', configs: [{ name: 'retention.ms', configOperation: 0, value: null }] }, { resourceType: 4, resourceName: '9', configs: [{ name: 'log.retention.ms', configOperation: 0, value: '1' }] }, { resourceType: 4, resourceName: '1', configs: [{ name: 'log.dirs', configOperation: 0, value: '/x' }] }] }),
  ask('IncrementalAlterConfigs', 'one thing twice', { resources: [{ resourceType: 2, resourceName: 't', configs: [{ name: 'retention.ms', configOperation: 0, value: '1' }, { name: 'retention.ms', configOperation: 1, value: null }] }] }),
  ask('AlterConfigs', 'of a topic', { resources: [{ resourceType: 2, resourceName: 'v3', configs: [{ name: 'retention.ms', value: '7000' }] }, { resourceType: 2, resourceName: 'gone', configs: [] }, { resourceType: 2, resourceName: 'v4', configs: [{ name: 'no.such', value: '1' }] }] }),
  ask('DescribeConfigs', 'after that', { resources: [{ resourceType: 2, resourceName: 't', configurationKeys: ['retention.ms', 'cleanup.policy'] }, { resourceType: 2, resourceName: 'v3', configurationKeys: ['retention.ms'] }], includeSynonyms: true }),
]

const produce = (what: string, records: Uint8Array | null, more: { topic?: string; index?: number; acks?: number; transactionalId?: string } = {}): Question =>
  ask('Produce', what, { acks: more.acks ?? -1, timeoutMs: 60_000, transactionalId: more.transactionalId ?? null, topicData: [{ name: more.topic ?? 'v4', partitionData: [{ index: more.index ?? 0, records }] }] } as never, { from: 3, to: 12 })
const fetch = (what: string, partition: object, topic = 'v4', more: object = {}): Question =>
  ask('Fetch', what, { maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000, ...more, topics: [{ topic, partitions: [{ partition: 0, partitionMaxBytes: 1_000_000, ...partition }] }] } as never, { to: 12 })
const list = (what: string, timestamp: bigint, from = 1): Question =>
  ask('ListOffsets', what, (version) => ({ replicaId: -1, ...(version >= 2 ? { isolationLevel: 0 } : {}), topics: [{ name: 'v4', partitions: [{ partitionIndex: 0, timestamp }, { partitionIndex: 9, timestamp }] }, { name: 'gone', partitions: [{ partitionIndex: 0, timestamp }] }] }), { from })

const RECORDS: Question[] = [
  produce('a batch', BATCH),
  produce('a damaged batch', damaged),
  produce('half a batch', BATCH.subarray(0, 50)),
  produce('nothing', Buffer.alloc(0)),
  produce('to a topic that is not there', BATCH, { topic: 'gone' }),
  produce('to a partition that is not there', BATCH, { index: 9 }),
  produce('with impossible acks', BATCH, { acks: 2 }),
  produce('two batches', Buffer.concat([BATCH, BATCH])),
  produce('from another future', recordBatch(['x'], undefined, NOW + 10 * 86_400_000)),
  produce('without a key to a compacted topic', BATCH, { topic: 'configured' }),
  produce('with a gap in its sequence', recordBatch(['x'], { producerId: 999_999n, producerEpoch: 0, baseSequence: 5 }, NOW), { topic: 'v5' }),
  produce('again with a gap', recordBatch(['x'], { producerId: 999_999n, producerEpoch: 0, baseSequence: 9 }, NOW), { topic: 'v5' }),
  fetch('from the beginning', { fetchOffset: 0n }),
  fetch('from the middle of a batch', { fetchOffset: 1n }),
  fetch('a little', { fetchOffset: 0n, partitionMaxBytes: 1 }),
  fetch('beyond the end', { fetchOffset: 1_000_000n }),
  fetch('before the beginning', { fetchOffset: -1n }),
  fetch('from a topic that is not there', { fetchOffset: 0n }, 'gone'),
  fetch('from a partition that is not there', { fetchOffset: 0n, partition: 9 }),
  fetch('what is committed', { fetchOffset: 0n }, 'v4', { isolationLevel: 1 }),
  ask('Fetch', 'with a newer leader epoch', { maxWaitMs: 0, minBytes: 0, maxBytes: 1000, topics: [{ topic: 'v4', partitions: [{ partition: 0, fetchOffset: 0n, currentLeaderEpoch: 7, partitionMaxBytes: 1000 }] }] }, { from: 9, to: 12 }),
  ask('Fetch', 'in a session that is not there', { maxWaitMs: 0, minBytes: 0, maxBytes: 1000, sessionId: 77, sessionEpoch: 3, topics: [] }, { from: 7, to: 12 }),
  ask('Fetch', 'by id', (_version, known) => ({ maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000, topics: [{ topicId: known.topicIds.get('v4') ?? NO_ID, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000_000 }] }, { topicId: UNKNOWN_ID, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 100 }] }] }) as never, { from: 13 }),
  list('latest', -1n), list('earliest', -2n), list('of the greatest time', -3n, 7), list('local', -4n, 8), list('tiered', -5n, 9), list('of no meaning', -9n), list('by time', BigInt(NOW)), list('by a time to come', BigInt(NOW + 1_000_000)),
  ask('ListOffsets', 'of what is committed', { replicaId: -1, isolationLevel: 1, topics: [{ name: 'v4', partitions: [{ partitionIndex: 0, timestamp: -1n, currentLeaderEpoch: 0 }, { partitionIndex: 1, timestamp: -1n, currentLeaderEpoch: 7 }] }] }, { from: 4 }),
  ask('OffsetForLeaderEpoch', 'of epochs', (version) => ({ ...(version >= 3 ? { replicaId: -1 } : {}), topics: [{ topic: 'v4', partitions: [{ partition: 0, leaderEpoch: 0, currentLeaderEpoch: -1 }, { partition: 1, leaderEpoch: 5, currentLeaderEpoch: 0 }, { partition: 9, leaderEpoch: 0, currentLeaderEpoch: -1 }] }, { topic: 'gone', partitions: [{ partition: 0, leaderEpoch: 0, currentLeaderEpoch: -1 }] }] })),
  ask('DeleteRecords', 'of partitions', { topics: [{ name: 'v4', partitions: [{ partitionIndex: 0, offset: 2n }, { partitionIndex: 9, offset: 0n }] }, { name: 'gone', partitions: [{ partitionIndex: 0, offset: 0n }] }], timeoutMs: 60_000 }),
  ask('DeleteRecords', 'beyond the end', { topics: [{ name: 'v4', partitions: [{ partitionIndex: 0, offset: 1_000_000n }] }], timeoutMs: 60_000 }),
  fetch('what is deleted', { fetchOffset: 0n }),
]

const commit = (what: string, group: string, member: object = {}): Question =>
  ask('OffsetCommit', what, { groupId: group, generationIdOrMemberEpoch: -1, memberId: '', ...member, topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 42n, committedMetadata: 'm' }, { partitionIndex: 9, committedOffset: 1n, committedMetadata: null }] }, { name: 'gone', partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }] }] } as never, { to: 9 })
const join = (what: string, more: object): Question =>
  ask('JoinGroup', what, { groupId: 'joining', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, memberId: '', protocolType: 'consumer', protocols: [{ name: 'range', metadata: Buffer.from('x') }], ...more } as never)

const GROUPS: Question[] = [
  ask('FindCoordinator', 'of a group', (version) => (version < 4 ? { key: 'g' } : { keyType: 0, coordinatorKeys: ['g', ''] })),
  ask('FindCoordinator', 'of a transaction', (version) => (version < 4 ? { key: 'x', keyType: 1 } : { keyType: 1, coordinatorKeys: ['x', ''] }), { from: 1 }),
  ask('FindCoordinator', 'of no kind', (version) => (version < 4 ? { key: 'x', keyType: 9 } : { keyType: 9, coordinatorKeys: ['x'] }), { from: 1 }),
  commit('of a group without members', 'g'),
  commit('of no group', ''),
  commit('of a member that is none', 'g', { memberId: 'nobody', generationIdOrMemberEpoch: 3 }),
  ask('OffsetFetch', 'of a group', (version) => (version < 8 ? { groupId: 'g', topics: [{ name: 't', partitionIndexes: [0, 1] }, { name: 'gone', partitionIndexes: [0] }] } : { groups: [{ groupId: 'g', topics: [{ name: 't', partitionIndexes: [0, 1] }] }, { groupId: 'nobody', topics: [{ name: 't', partitionIndexes: [0] }] }] }), { to: 9 }),
  ask('OffsetFetch', 'all of a group', (version) => (version < 8 ? { groupId: 'g', topics: null } : { groups: [{ groupId: 'g', topics: null }] }), { from: 2, to: 9 }),
  join('an invalid session time', { sessionTimeoutMs: 1 }),
  join('no group', { groupId: '' }),
  join('no protocols', { protocols: [] }),
  join('no kind of protocol', { protocolType: '' }),
  join('a member that is none', { memberId: 'nobody' }),
  ask('JoinGroup', 'a new member', (version) => ({ groupId: `join-${version}`, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, memberId: '', protocolType: 'consumer', protocols: [{ name: 'range', metadata: Buffer.from('x') }] }), { from: 4 }),
  ask('SyncGroup', 'a member that is none', { groupId: 'joining', generationId: 1, memberId: 'nobody', assignments: [] }),
  ask('Heartbeat', 'a member that is none', { groupId: 'joining', generationId: 1, memberId: 'nobody' }),
  ask('Heartbeat', 'no group', { groupId: '', generationId: 1, memberId: 'nobody' }),
  ask('LeaveGroup', 'a member that is none', (version) => (version < 3 ? { groupId: 'joining', memberId: 'nobody' } : { groupId: 'joining', members: [{ memberId: 'nobody', groupInstanceId: null }] })),
  ask('DescribeGroups', 'groups', { groups: ['g', 'nobody', ''] }),
  ask('ListGroups', 'groups', {}),
  ask('OffsetDelete', 'of a group', { groupId: 'g', topics: [{ name: 't', partitions: [{ partitionIndex: 1 }, { partitionIndex: 9 }] }, { name: 'gone', partitions: [{ partitionIndex: 0 }] }] }),
  ask('OffsetDelete', 'of no group', { groupId: 'nobody', topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }] }),
  ask('DeleteGroups', 'groups', (version) => ({ groupsNames: [`join-${version + 4}`, 'nobody', ''] })),
  ask('ConsumerGroupHeartbeat', 'that cannot be', { groupId: '', memberId: 'm', memberEpoch: 0 }),
  ask('ConsumerGroupHeartbeat', 'a member that is none', { groupId: 'kip848', memberId: 'AAAAAAAAAAAAAAAAAAAABA', memberEpoch: 5 }),
  ask('ConsumerGroupHeartbeat', 'an unknown assignor', { groupId: 'kip848', memberId: 'AAAAAAAAAAAAAAAAAAAABA', memberEpoch: 0, rebalanceTimeoutMs: 1000, subscribedTopicNames: ['t'], serverAssignor: 'none', topicPartitions: [] }),
  ask('ConsumerGroupHeartbeat', 'without what a first one needs', { groupId: 'kip848', memberId: 'AAAAAAAAAAAAAAAAAAAABA', memberEpoch: 0 }),
  ask('ConsumerGroupDescribe', 'groups', { groupIds: ['g', 'nobody', ''] }),
  ask('ShareGroupHeartbeat', 'that cannot be', { groupId: '', memberId: 'm', memberEpoch: 0, subscribedTopicNames: ['t'] }),
  ask('ShareGroupDescribe', 'groups', { groupIds: ['g', 'nobody'] }),
  ask('StreamsGroupDescribe', 'groups', { groupIds: ['g', 'nobody'] }),
  ask('DescribeShareGroupOffsets', 'groups', { groups: [{ groupId: 'nobody', topics: null }] }),
  ask('DeleteShareGroupOffsets', 'of no group', { groupId: 'nobody', topics: [{ topicName: 't' }] }),
  ask('AlterShareGroupOffsets', 'of a group of another kind', { groupId: 'g', topics: [{ topicName: 't', partitions: [{ partitionIndex: 0, startOffset: 0n }] }] }),
]

const TRANSACTIONS: Question[] = [
  ask('InitProducerId', 'without a transaction', { transactionalId: null, transactionTimeoutMs: 10_000 }),
  ask('InitProducerId', 'of a transaction', (version) => ({ transactionalId: `x-${version}`, transactionTimeoutMs: 10_000 })),
  ask('InitProducerId', 'too long a time', { transactionalId: 'y', transactionTimeoutMs: 100_000_000 }),
  ask('InitProducerId', 'no time', { transactionalId: 'y', transactionTimeoutMs: 0 }),
  ask('InitProducerId', 'no name', { transactionalId: '', transactionTimeoutMs: 10_000 }),
  ask('InitProducerId', 'of somebody else', (version) => ({ transactionalId: `x-${version}`, transactionTimeoutMs: 10_000, producerId: 12_345n, producerEpoch: 3 }), { from: 3 }),
  ask('AddPartitionsToTxn', 'of somebody else', { v3AndBelowTransactionalId: 'x-3', v3AndBelowProducerId: 12_345n, v3AndBelowProducerEpoch: 0, v3AndBelowTopics: [{ name: 't', partitions: [0] }] }, { to: 3 }),
  ask('AddPartitionsToTxn', 'of an unknown one', { v3AndBelowTransactionalId: 'nobody', v3AndBelowProducerId: 1n, v3AndBelowProducerEpoch: 0, v3AndBelowTopics: [{ name: 't', partitions: [0] }] }, { to: 3 }),
  ask('AddOffsetsToTxn', 'of somebody else', { transactionalId: 'x-3', producerId: 12_345n, producerEpoch: 0, groupId: 'g' }),
  ask('EndTxn', 'of somebody else', { transactionalId: 'x-3', producerId: 12_345n, producerEpoch: 0, committed: true }),
  ask('EndTxn', 'of an unknown one', { transactionalId: 'nobody', producerId: 1n, producerEpoch: 0, committed: true }),
  ask('EndTxn', 'of no name', { transactionalId: '', producerId: 1n, producerEpoch: 0, committed: true }),
  ask('EndTxn', 'that did not begin', (version, known) => ({ transactionalId: `x-${version}`, producerId: known.producers.get(`x-${version}`)?.id ?? -1n, producerEpoch: known.producers.get(`x-${version}`)?.epoch ?? -1, committed: true })),
  ask('DescribeTransactions', 'some', { transactionalIds: ['x-1', 'nobody', ''] }),
  ask('ListTransactions', 'in no state', { stateFilters: ['Ongoing', 'NoSuchState'] }),
  produce('of an unknown transaction', recordBatch(['x'], { producerId: 1n, producerEpoch: 0, baseSequence: 0, transactional: true }, NOW), { transactionalId: 'nobody' }),
]

const END: Question[] = [
  ask('DeleteTopics', 'topics', (version) => (version < 6 ? { topicNames: [`v${version + 2}`, 'gone', ''], timeoutMs: 60_000 } : { topics: [{ name: 'd' }, { name: 'gone' }], timeoutMs: 60_000 })),
  ask('DeleteTopics', 'by id', (_version, known) => ({ topics: [{ name: null, topicId: known.topicIds.get('t') ?? NO_ID }, { name: null, topicId: UNKNOWN_ID }, { name: 'both', topicId: UNKNOWN_ID }, { name: null, topicId: NO_ID }], timeoutMs: 60_000 }) as never, { from: 6 }),
]

export const CONVERSATION: readonly Question[] = [...TOPICS, ...METADATA, ...CONFIGS, ...RECORDS, ...GROUPS, ...TRANSACTIONS, ...LIVES, ...ODD_QUESTIONS, ...END]
