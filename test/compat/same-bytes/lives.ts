// Groups, members and transactions from their first request to their last: one for each version of the request that begins
// them, so that every version is asked of something that lives.

import { recordBatch } from '../../support/produce-fetch.ts'
import { ask } from './question.ts'
import type { Known, Question } from './question.ts'

const LONG_MS = 600_000
const PROTOCOL = { name: 'range', metadata: Buffer.from([0, 0, 0, 0, 0, 1, 0, 1, 0x74, 0xff, 0xff, 0xff, 0xff]) }
const OTHER_PROTOCOL = { name: 'sticky', metadata: Buffer.from([1]) }

const idOf = (known: Known, group: string): string => known.members.get(group)?.id ?? ''
const generationOf = (known: Known, group: string): number => known.members.get(group)?.generation ?? -1
const live = (version: number): string => `life-${version}`

const join = (what: string, versions: { from?: number; to?: number }, more: object = {}): Question =>
  ask('JoinGroup', what, (version, known) => ({ groupId: live(version), sessionTimeoutMs: LONG_MS, rebalanceTimeoutMs: LONG_MS, memberId: idOf(known, live(version)), protocolType: 'consumer', protocols: [PROTOCOL, OTHER_PROTOCOL], ...more }) as never, versions)
const member = (version: number, known: Known): { groupId: string; memberId: string; generationId: number } => ({ groupId: live(version), memberId: idOf(known, live(version)), generationId: generationOf(known, live(version)) })

const CLASSIC: Question[] = [
  join('a first member', {}),
  join('a first member that knows its id', { from: 4 }),
  ask('Heartbeat', 'before there is an assignment', (version, known) => member(version, known)),
  ask('DescribeGroups', 'that waits for an assignment', (version) => ({ groups: [live(version)], includeAuthorizedOperations: version >= 3 })),
  ask('SyncGroup', 'of another kind of group', (version, known) => ({ ...member(version, known), protocolType: 'connect', protocolName: 'range', assignments: [] }), { from: 5 }),
  ask('SyncGroup', 'of another protocol', (version, known) => ({ ...member(version, known), protocolType: 'consumer', protocolName: 'sticky', assignments: [] }), { from: 5 }),
  ask('SyncGroup', 'of another generation', (version, known) => ({ ...member(version, known), generationId: 99, ...(version >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}), assignments: [] })),
  ask('SyncGroup', 'with an assignment', (version, known) => ({ ...member(version, known), ...(version >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}), assignments: [{ memberId: idOf(known, live(version)), assignment: Buffer.from('mine') }, { memberId: 'nobody', assignment: Buffer.from('theirs') }] })),
  ask('SyncGroup', 'again', (version, known) => ({ ...member(version, known), ...(version >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}), assignments: [] })),
  ask('Heartbeat', 'of a member', (version, known) => member(version, known)),
  ask('Heartbeat', 'of an older generation', (version, known) => ({ ...member(version, known), generationId: 0 })),
  ask('Heartbeat', 'of nobody in a group that lives', (version, known) => ({ ...member(version, known), memberId: 'nobody' })),
  join('of another kind', {}, { memberId: '', protocolType: 'connect' }),
  join('with other protocols alone', {}, { memberId: '', protocols: [{ name: 'mine', metadata: Buffer.alloc(0) }] }),
  ask('OffsetCommit', 'by a member', (version, known) => ({ groupId: live(version % 10), memberId: idOf(known, live(version % 10)), generationIdOrMemberEpoch: generationOf(known, live(version % 10)), topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 7n, committedMetadata: 'x' }, { partitionIndex: 1, committedOffset: -1n, committedMetadata: null }] }] }) as never, { to: 9 }),
  ask('OffsetCommit', 'by a member of another generation', (version, known) => ({ groupId: live(version % 10), memberId: idOf(known, live(version % 10)), generationIdOrMemberEpoch: 99, topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 7n, committedMetadata: '' }] }] }) as never, { to: 9 }),
  ask('OffsetCommit', 'by nobody in a group that lives', (version) => ({ groupId: live(version % 10), memberId: '', generationIdOrMemberEpoch: -1, topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 7n, committedMetadata: '' }] }] }) as never, { to: 9 }),
  ask('OffsetCommit', 'by id', (_version, known) => ({ groupId: 'by-id', memberId: '', generationIdOrMemberEpoch: -1, topics: [{ topicId: known.topicIds.get('t') ?? '', partitions: [{ partitionIndex: 0, committedOffset: 7n, committedMetadata: '' }] }, { topicId: 'k3lQ9Zr5T6uVwX1yZ2a3bQ', partitions: [{ partitionIndex: 0, committedOffset: 7n, committedMetadata: '' }] }] }) as never, { from: 10 }),
  ask('OffsetFetch', 'by id', (_version, known) => ({ groups: [{ groupId: 'by-id', topics: [{ topicId: known.topicIds.get('t') ?? '', partitionIndexes: [0, 5] }, { topicId: 'k3lQ9Zr5T6uVwX1yZ2a3bQ', partitionIndexes: [0] }] }] }) as never, { from: 10 }),
  ask('OffsetFetch', 'all by id', { groups: [{ groupId: 'by-id', topics: null }], requireStable: true } as never, { from: 10 }),
  ask('OffsetFetch', 'of a group that lives', (version) => (version < 8 ? { groupId: live(4), topics: [{ name: 't', partitionIndexes: [0, 1] }], ...(version >= 7 ? { requireStable: true } : {}) } : { groups: [{ groupId: live(4), topics: null }, { groupId: '', topics: null }] }) as never, { to: 9 }),
  ask('OffsetFetch', 'of no partitions', (version) => (version < 8 ? { groupId: live(4), topics: [] } : { groups: [{ groupId: live(4), topics: [] }] }) as never, { to: 9 }),
  ask('OffsetFetch', 'by nobody', { groups: [{ groupId: live(4), memberId: 'nobody', memberEpoch: 3, topics: null }] } as never, { from: 9, to: 9 }),
  ask('OffsetDelete', 'what a member reads', { groupId: live(4), topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }, { name: 'd', partitions: [{ partitionIndex: 0 }] }] }),
  ask('DescribeGroups', 'that lives', (version) => ({ groups: [live(version)], includeAuthorizedOperations: version >= 3 })),
  ask('ListGroups', 'in a state', { statesFilter: ['Stable'] }, { from: 4 }),
  ask('ListGroups', 'in any spelling and no state', { statesFilter: ['sTABLE', 'NoSuchState'] }, { from: 4 }),
  ask('ListGroups', 'of a type', { typesFilter: ['Classic'] }, { from: 5 }),
  ask('ListGroups', 'of no type', { typesFilter: ['none'] }, { from: 5 }),
  ask('DeleteGroups', 'that live', (version) => ({ groupsNames: [live(version)] })),
  ask('ConsumerGroupHeartbeat', 'into a group of the other protocol', { groupId: live(4), memberId: 'AAAAAAAAAAAAAAAAAAAABg', memberEpoch: 3, topicPartitions: null }),
  ask('ConsumerGroupDescribe', 'of the other protocol', { groupIds: [live(4)] }),
  ask('ShareGroupHeartbeat', 'into a group of another kind', { groupId: live(4), memberId: 'AAAAAAAAAAAAAAAAAAAABg', memberEpoch: 0, subscribedTopicNames: ['t'] }),
  ask('LeaveGroup', 'a member', (version, known) => (version < 3 ? { groupId: live(version), memberId: idOf(known, live(version)) } : { groupId: live(version), members: [{ memberId: idOf(known, live(version)) }, { memberId: 'nobody' }, { memberId: '', groupInstanceId: 'nobody' }] }) as never),
  ask('DescribeGroups', 'that is left', (version) => ({ groups: [live(version % 6)] })),
  ask('OffsetFetch', 'of a group that is left', (version) => (version < 8 ? { groupId: live(4), topics: [{ name: 't', partitionIndexes: [0] }] } : { groups: [{ groupId: live(4), topics: [{ name: 't', partitionIndexes: [0] }] }] }) as never, { to: 9 }),
  ask('DeleteGroups', 'that are left', (version) => ({ groupsNames: [live(version), live(version)] })),
]

const fixed = (version: number): string => `static-${version}`
const instance = 'instance'
const joinFixed = (what: string, more: (version: number, known: Known) => object): Question =>
  ask('JoinGroup', what, (version, known) => ({ groupId: fixed(version), sessionTimeoutMs: LONG_MS, rebalanceTimeoutMs: LONG_MS, memberId: '', groupInstanceId: instance, protocolType: 'consumer', protocols: [PROTOCOL], ...more(version, known) }) as never, { from: 5 })

const STATIC: Question[] = [
  joinFixed('a static member', () => ({})),
  ask('SyncGroup', 'a static member', (version, known) => ({ groupId: fixed(version + 2), memberId: idOf(known, fixed(version + 2)), generationId: generationOf(known, fixed(version + 2)), groupInstanceId: instance, ...(version >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}), assignments: [{ memberId: idOf(known, fixed(version + 2)), assignment: Buffer.from('mine') }] }), { from: 3 }),
  ask('Heartbeat', 'a static member', (version, known) => ({ groupId: fixed(version + 2), memberId: idOf(known, fixed(version + 2)), generationId: generationOf(known, fixed(version + 2)), groupInstanceId: instance }), { from: 3 }),
  ask('Heartbeat', 'an instance that has another id', (version, known) => ({ groupId: fixed(version + 2), memberId: 'other', generationId: generationOf(known, fixed(version + 2)), groupInstanceId: instance }), { from: 3 }),
  ask('Heartbeat', 'an instance that is none', (version, known) => ({ groupId: fixed(version + 2), memberId: idOf(known, fixed(version + 2)), generationId: generationOf(known, fixed(version + 2)), groupInstanceId: 'nobody' }), { from: 3 }),
  ask('OffsetCommit', 'an instance that has another id', (_version, known) => ({ groupId: fixed(5), memberId: 'other', generationIdOrMemberEpoch: generationOf(known, fixed(5)), groupInstanceId: instance, topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1n }] }] }) as never, { from: 7, to: 9 }),
  joinFixed('an instance that has another id', () => ({ memberId: 'other' })),
  joinFixed('a static member that came back', () => ({})),
  ask('DescribeGroups', 'with static members', (version) => ({ groups: [fixed(5 + (version % 5))] })),
  ask('LeaveGroup', 'by instance', (version) => ({ groupId: fixed(version + 2), members: [{ memberId: '', groupInstanceId: instance }, { memberId: 'other', groupInstanceId: 'nobody' }], ...(version >= 5 ? {} : {}) }), { from: 3 }),
]

const MEMBER = 'AAAAAAAAAAAAAAAAAAAABA'
const beat = (what: string, more: object, versions: { from?: number; to?: number } = {}): Question =>
  ask('ConsumerGroupHeartbeat', what, (version, known) => ({ groupId: `next-${version}`, memberId: MEMBER, memberEpoch: generationOf(known, `next-${version}`), ...more }) as never, versions)

const CONSUMER: Question[] = [
  beat('a first member', { memberEpoch: 0, rebalanceTimeoutMs: LONG_MS, subscribedTopicNames: ['no-such-topic'], topicPartitions: [] }),
  beat('of a member', {}),
  beat('of an older epoch', { memberEpoch: 99 }),
  beat('another subscription', { subscribedTopicNames: ['no-such-topic', 'nor-this'] }),
  beat('no subscription', { subscribedTopicNames: [] }),
  beat('a rack and an instance too late', { rackId: '' }),
  beat('an empty instance', { instanceId: '' }),
  beat('partitions that it was not given', { topicPartitions: [{ topicId: 'k3lQ9Zr5T6uVwX1yZ2a3bQ', partitions: [0] }] }),
  beat('a bad expression', { subscribedTopicRegex: '(' }, { from: 1 }),
  beat('an expression', { subscribedTopicRegex: 'no-such-.*' }, { from: 1 }),
  beat('a first member whose rebalance takes no time', { memberId: 'AAAAAAAAAAAAAAAAAAAABw', memberEpoch: 0, rebalanceTimeoutMs: -1, subscribedTopicNames: ['t'], topicPartitions: [] }),
  beat('a first member that has something', { memberId: 'AAAAAAAAAAAAAAAAAAAABw', memberEpoch: 0, rebalanceTimeoutMs: 1000, subscribedTopicNames: ['t'], topicPartitions: [{ topicId: 'k3lQ9Zr5T6uVwX1yZ2a3bQ', partitions: [0] }] }),
  beat('an epoch that means nothing', { memberEpoch: -3 }),
  beat('a member that goes for a while without an instance', { memberEpoch: -2 }),
  ask('ConsumerGroupDescribe', 'that lives', { groupIds: ['next-0', 'next-1'], includeAuthorizedOperations: true }),
  ask('ListGroups', 'of the consumer type', { typesFilter: ['consumer'] }, { from: 5 }),
  ask('DescribeGroups', 'of the consumer protocol', { groups: ['next-0'] }),
  ask('OffsetCommit', 'of an older epoch', { groupId: 'next-0', memberId: MEMBER, generationIdOrMemberEpoch: 99, topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1n }] }] } as never, { from: 5, to: 9 }),
  ask('OffsetCommit', 'of the epoch', (_version, known) => ({ groupId: 'next-1', memberId: MEMBER, generationIdOrMemberEpoch: generationOf(known, 'next-1'), topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1n }] }] }) as never, { to: 9 }),
  ask('OffsetFetch', 'of an older epoch', { groups: [{ groupId: 'next-0', memberId: MEMBER, memberEpoch: 99, topics: null }] } as never, { from: 9, to: 9 }),
  ask('OffsetFetch', 'by a stranger', { groups: [{ groupId: 'next-0', memberId: 'stranger', memberEpoch: 1, topics: null }] } as never, { from: 9, to: 9 }),
  ask('JoinGroup', 'into a group of the consumer protocol', { groupId: 'next-0', sessionTimeoutMs: LONG_MS, rebalanceTimeoutMs: LONG_MS, memberId: '', protocolType: 'connect', protocols: [PROTOCOL] } as never),
  ask('Heartbeat', 'into a group of the consumer protocol', { groupId: 'next-0', memberId: MEMBER, generationId: 1 }),
  ask('SyncGroup', 'into a group of the consumer protocol', { groupId: 'next-0', memberId: MEMBER, generationId: 1, assignments: [] }, { to: 4 }),
  ask('LeaveGroup', 'a stranger of the consumer protocol', (version) => (version < 3 ? { groupId: 'next-0', memberId: 'stranger' } : { groupId: 'next-0', members: [{ memberId: 'stranger' }] }) as never),
  ask('DeleteGroups', 'of the consumer protocol', { groupsNames: ['next-0', 'next-1'] }),
  beat('a member that leaves', { memberEpoch: -1 }),
  beat('a member that left', { memberEpoch: 3 }),
  ask('ConsumerGroupDescribe', 'that is left', { groupIds: ['next-0', 'next-1'] }),
]

const producer = (known: Known, name: string): { producerId: bigint; producerEpoch: number } => ({ producerId: known.producers.get(name)?.id ?? -1n, producerEpoch: known.producers.get(name)?.epoch ?? -1 })
const txn = (version: number): string => `txn-${version}`
const OFFSETS = [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 11n, committedMetadata: 'm' }, { partitionIndex: 99, committedOffset: 1n, committedMetadata: null }] }]

const TRANSACTIONS: Question[] = [
  ask('InitProducerId', 'that will live', (version) => ({ transactionalId: txn(version), transactionTimeoutMs: LONG_MS })),
  ask('AddPartitionsToTxn', 'of its own', (version, known) => ({ v3AndBelowTransactionalId: txn(version), v3AndBelowProducerId: producer(known, txn(version)).producerId, v3AndBelowProducerEpoch: producer(known, txn(version)).producerEpoch, v3AndBelowTopics: [{ name: 'compacted', partitions: [0] }] }), { to: 3 }),
  ask('AddPartitionsToTxn', 'that are not there', (version, known) => ({ v3AndBelowTransactionalId: txn(version), v3AndBelowProducerId: producer(known, txn(version)).producerId, v3AndBelowProducerEpoch: producer(known, txn(version)).producerEpoch, v3AndBelowTopics: [{ name: 'compacted', partitions: [0, 9] }, { name: 'gone', partitions: [0] }] }), { to: 3 }),
  ask('AddPartitionsToTxn', 'with an older epoch', (version, known) => ({ v3AndBelowTransactionalId: txn(version), v3AndBelowProducerId: producer(known, txn(version)).producerId, v3AndBelowProducerEpoch: -1, v3AndBelowTopics: [{ name: 'compacted', partitions: [0] }] }), { to: 3 }),
  ask('AddOffsetsToTxn', 'of its own', (version, known) => ({ transactionalId: txn(version), ...producer(known, txn(version)), groupId: `of-${txn(version)}` })),
  ask('AddOffsetsToTxn', 'of no group', (version, known) => ({ transactionalId: txn(version), ...producer(known, txn(version)), groupId: '' })),
  ask('TxnOffsetCommit', 'of its own', (version, known) => ({ transactionalId: txn(version), groupId: `of-${txn(version)}`, ...producer(known, txn(version)), topics: OFFSETS }) as never, { to: 4 }),
  ask('TxnOffsetCommit', 'of its own without asking first', (version, known) => ({ transactionalId: txn(version), groupId: `of-${txn(version)}`, ...producer(known, txn(version)), topics: OFFSETS }) as never, { from: 5, to: 5 }),
  ask('TxnOffsetCommit', 'by a member that is none', (version, known) => ({ transactionalId: txn(version), groupId: `of-${txn(version)}`, ...producer(known, txn(version)), generationId: 3, generationIdOrMemberEpoch: 3, memberId: 'nobody', topics: OFFSETS }) as never, { from: 3, to: 4 }),
  ask('TxnOffsetCommit', 'of somebody else', (version) => ({ transactionalId: txn(version), groupId: `of-${txn(version)}`, producerId: 77_777n, producerEpoch: 0, topics: OFFSETS }) as never, { from: 5, to: 5 }),
  ask('TxnOffsetCommit', 'of no group', (version, known) => ({ transactionalId: txn(version), groupId: '', ...producer(known, txn(version)), topics: OFFSETS }) as never, { to: 4 }),
  ask('Produce', 'in its transaction', (version, known) => ({ acks: -1, timeoutMs: 60_000, transactionalId: txn(version - 9), topicData: [{ name: 'as1', partitionData: [{ index: 0, records: recordBatch(['one'], { ...producer(known, txn(version - 9)), baseSequence: 0, transactional: true }, 1_700_000_000_000) }] }] }) as never, { from: 12, to: 12 }),
  ask('Produce', 'in no transaction of its name', (_version, known) => ({ acks: -1, timeoutMs: 60_000, transactionalId: txn(0), topicData: [{ name: 'as1', partitionData: [{ index: 0, records: recordBatch(['one'], { ...producer(known, txn(1)), baseSequence: 5, transactional: true }, 1_700_000_000_000) }] }] }) as never, { from: 11, to: 12 }),
  ask('Produce', 'in a transaction that has not the partition', (_version, known) => ({ acks: -1, timeoutMs: 60_000, transactionalId: txn(1), topicData: [{ name: 'as1', partitionData: [{ index: 1, records: recordBatch(['one'], { ...producer(known, txn(1)), baseSequence: 0, transactional: true }, 1_700_000_000_000) }] }] }) as never, { from: 8, to: 11 }),
  ask('Produce', 'as a transaction without one', (_version, known) => ({ acks: -1, timeoutMs: 60_000, transactionalId: null, topicData: [{ name: 'as1', partitionData: [{ index: 1, records: recordBatch(['one'], { ...producer(known, txn(1)), baseSequence: 0, transactional: true }, 1_700_000_000_000) }] }] }) as never, { from: 8, to: 12 }),
  ask('DescribeTransactions', 'that live', { transactionalIds: [0, 1, 2, 3, 4, 5].map(txn) }),
  ask('ListTransactions', 'that live', { stateFilters: ['Ongoing'] }),
  ask('ListTransactions', 'that live long', { durationFilter: 3_600_000n }, { from: 1 }),
  ask('ListTransactions', 'by an expression', { transactionalIdPattern: 'txn-[12]' }, { from: 2 }),
  ask('ListTransactions', 'by no expression', { transactionalIdPattern: '(' }, { from: 2 }),
  ask('ListTransactions', 'of producers that are none', { producerIdFilters: [77_777n] }),
  ask('DescribeProducers', 'of a transaction', { topics: [{ name: 'as1', partitionIndexes: [0] }] }),
  ask('ListOffsets', 'latest while a transaction is open', (version) => ({ replicaId: -1, ...(version >= 2 ? { isolationLevel: 1 } : {}), topics: [{ name: 'as1', partitions: [{ partitionIndex: 0, timestamp: -1n }] }] })),
  ask('Fetch', 'what is committed while a transaction is open', { maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000, isolationLevel: 1, topics: [{ topic: 'as1', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000_000 }] }] } as never, { to: 12 }),
  ask('OffsetFetch', 'what is not committed yet', (version) => (version < 8 ? { groupId: `of-${txn(1)}`, topics: [{ name: 't', partitionIndexes: [0] }], ...(version >= 7 ? { requireStable: false } : {}) } : { groups: [{ groupId: `of-${txn(1)}`, topics: [{ name: 't', partitionIndexes: [0] }] }] }) as never, { to: 9 }),
  ask('OffsetFetch', 'what must be stable', (version) => (version < 8 ? { groupId: `of-${txn(1)}`, topics: [{ name: 't', partitionIndexes: [0] }], requireStable: true } : { groups: [{ groupId: `of-${txn(1)}`, topics: [{ name: 't', partitionIndexes: [0] }] }], requireStable: true }) as never, { from: 7, to: 9 }),
  ask('EndTxn', 'with an older epoch', (version, known) => ({ transactionalId: txn(version), producerId: producer(known, txn(version)).producerId, producerEpoch: -1, committed: true })),
  ask('EndTxn', 'of its own', (version, known) => ({ transactionalId: txn(version), ...producer(known, txn(version)), committed: true })),
  ask('EndTxn', 'again', (version, known) => ({ transactionalId: txn(version), ...producer(known, txn(version)), committed: true })),
  ask('EndTxn', 'the other way', (version, known) => ({ transactionalId: txn(version), ...producer(known, txn(version)), committed: false })),
  ask('DescribeTransactions', 'that ended', { transactionalIds: [0, 1, 2, 3, 4, 5].map(txn) }),
  ask('OffsetFetch', 'what is committed', (version) => (version < 8 ? { groupId: `of-${txn(1)}`, topics: [{ name: 't', partitionIndexes: [0] }] } : { groups: [{ groupId: `of-${txn(1)}`, topics: [{ name: 't', partitionIndexes: [0] }] }] }) as never, { to: 9 }),
  ask('InitProducerId', 'again with what it has', (version, known) => ({ transactionalId: txn(version), transactionTimeoutMs: LONG_MS, ...producer(known, txn(version)) }), { from: 3 }),
  ask('WriteTxnMarkers', 'of a producer that is none', { markers: [{ producerId: 77_777n, producerEpoch: 0, transactionResult: false, coordinatorEpoch: 0, topics: [{ name: 'gone', partitionIndexes: [0] }, { name: 'as1', partitionIndexes: [9] }] }] }),
]

export const LIVES: readonly Question[] = [...CLASSIC, ...STATIC, ...CONSUMER, ...TRANSACTIONS]
