// Topics: their creation, growth and end, and how they are shown.

import { ask, topicOf } from './question.ts'
import type { Question } from './question.ts'

const timeoutMs = 5000
const UNKNOWN_ID = 'c29tZSBvdGhlciB0b3BpYw'

type Creatable = { name: string; numPartitions: number; replicationFactor: number }
const create = (about: string, topics: Creatable[], validateOnly = false, version = 7): Question => ask('CreateTopics', version, about, { topics, timeoutMs, validateOnly } as never)

export function creationQuestions(): Question[] {
  const assigned = (about: string, assignments: { partitionIndex: number; brokerIds: number[] }[], numPartitions = -1, replicationFactor = -1): Question =>
    ask('CreateTopics', 7, `assigned ${about}`, { topics: [{ name: 'assigned', numPartitions, replicationFactor, assignments }], timeoutMs, validateOnly: true })
  const configured = (configs: Readonly<Record<string, string>>): Question => create(JSON.stringify(configs), [topicOf('configured', 1, configs)], true)
  return [
    create('a topic', [topicOf('a', 3)]),
    ...[2, 3, 4, 5, 6, 7].flatMap((version) => [
      create('again', [topicOf('a', 3)], false, version),
      create('with configs', [topicOf(`v${version}`, version, { 'retention.ms': '1000', 'cleanup.policy': 'compact,delete', 'max.message.bytes': '2000000' })], false, version),
    ]),
    create('one twice', [topicOf('d', 3), topicOf('e'), topicOf('d')]),
    create('only validated', [topicOf('validated', 3), topicOf('a')], true),
    ...['', '.', '..', 'a b', 'ä', 'x'.repeat(249), 'x'.repeat(250), 'a/b', '__cluster_metadata', '__consumer_offsets', '__share_group_state'].map((name) => create(`named ${JSON.stringify(name)}`, [topicOf(name)], true)),
    create('dots and underscores', [topicOf('dots.and_underscores')]),
    create('underscores and dots', [topicOf('dots_and.underscores')]),
    ...([[0, 1], [-1, -1], [-2, 1], [1, 0], [1, -2], [1, 2], [1, 5], [10_000, 1], [10_001, 1]] as const).map(([count, factor]) => create(`${count} partitions ${factor} replicas`, [topicOf('counted', count, {}, factor)], true)),
    assigned('rightly', [{ partitionIndex: 0, brokerIds: [1] }, { partitionIndex: 1, brokerIds: [1] }]),
    assigned('with a count', [{ partitionIndex: 0, brokerIds: [1] }], 1),
    assigned('with a factor', [{ partitionIndex: 0, brokerIds: [1] }], -1, 1),
    assigned('with a gap', [{ partitionIndex: 0, brokerIds: [1] }, { partitionIndex: 2, brokerIds: [1] }]),
    assigned('twice', [{ partitionIndex: 0, brokerIds: [1] }, { partitionIndex: 0, brokerIds: [1] }]),
    assigned('to one broker twice', [{ partitionIndex: 0, brokerIds: [1, 1] }]),
    assigned('to an unknown broker', [{ partitionIndex: 0, brokerIds: [1, 7] }]),
    assigned('to nobody', [{ partitionIndex: 0, brokerIds: [] }]),
    ...(
      [
        ['nope', '1'], ['retention.ms', 'abc'], ['retention.ms', ''], ['retention.ms', '-2'], ['cleanup.policy', 'x'], ['cleanup.policy', ''], ['cleanup.policy', 'delete,delete'], ['cleanup.policy', 'delete,compact'],
        ['segment.bytes', '10'], ['segment.bytes', '99999999999'], ['max.message.bytes', '-1'], ['compression.type', 'zip'], ['compression.type', 'ZSTD'], ['min.insync.replicas', '0'], ['min.cleanable.dirty.ratio', '1.5'],
        ['min.cleanable.dirty.ratio', 'a'], ['unclean.leader.election.enable', 'yes'], ['message.timestamp.type', 'x'], ['compression.gzip.level', '0'], ['compression.lz4.level', '18'], ['compression.zstd.level', '23'],
        ['remote.storage.enable', 'true'], ['leader.replication.throttled.replicas', '0:1,x'], ['leader.replication.throttled.replicas', '*'], ['preallocate', ' TRUE '], ['local.retention.ms', '100'],
        ['message.timestamp.before.max.ms', '-1'], ['segment.ms', '0'], ['flush.messages', '0'], ['segment.index.bytes', '1'], ['file.delete.delay.ms', '-1'], ['internal.segment.bytes', '100'],
      ] as const
    ).map(([name, value]) => configured({ [name]: value })),
    configured({ 'local.retention.ms': '100', 'retention.ms': '50' }),
    configured({ 'min.compaction.lag.ms': '100', 'max.compaction.lag.ms': '50' }),
    configured({ 'retention.ms': '1', 'retention.bytes': 'x' }),
    ask('CreateTopics', 7, 'a config that is null', { topics: [{ name: 'configured', numPartitions: 1, replicationFactor: 1, configs: [{ name: 'retention.ms', value: null }] }], timeoutMs, validateOnly: true }),
    ask('CreateTopics', 7, 'a config twice', {
      topics: [{ name: 'configured', numPartitions: 1, replicationFactor: 1, configs: [{ name: 'retention.ms', value: '1' }, { name: 'retention.ms', value: '2' }] }],
      timeoutMs,
      validateOnly: true,
    }),
    create('nothing', []),
  ]
}

export function topicQuestions(): Question[] {
  return [create('two topics', [topicOf('a', 3), topicOf('b', 2)]), ...metadataQuestions(), ...partitionQuestions(), ...pageQuestions(), ...logQuestions(), ...deletionQuestions()]
}

function metadataQuestions(): Question[] {
  const versions = Array.from({ length: 14 }, (_, version) => version)
  const byNames = (version: number, about: string, names: string[], allowAutoTopicCreation = false): Question =>
    ask('Metadata', version, about, {
      topics: names.map((name) => ({ name })),
      allowAutoTopicCreation: version < 4 || allowAutoTopicCreation,
      includeTopicAuthorizedOperations: version >= 8,
      includeClusterAuthorizedOperations: version >= 8 && version <= 10,
    })
  return [
    ...versions.map((version) => ask('Metadata', version, 'all', { topics: version === 0 ? [] : null })),
    ...versions.map((version) => byNames(version, 'one topic', ['a'])),
    ...versions.map((version) => byNames(version, 'topics twice', ['b', 'a', 'a'])),
    ...versions.slice(1).map((version) => byNames(version, 'none', [])),
    ...versions.slice(4).map((version) => byNames(version, 'what cannot be', ['', 'a b', '.', 'x'.repeat(250), '__cluster_metadata', '__consumer_offsets', 'nope'])),
    byNames(12, 'what is created', ['auto', 'a', 'a b', '__cluster_metadata'], true),
    byNames(12, 'what was created', ['auto'], true),
    byNames(1, 'what is created', ['auto-v1']),
    byNames(1, 'what was created', ['auto-v1']),
    ask('Metadata', 12, 'an unknown id', { topics: [{ name: null, topicId: UNKNOWN_ID }], includeTopicAuthorizedOperations: true } as never),
    ask('Metadata', 12, 'a name and an id', { topics: [{ name: 'a', topicId: UNKNOWN_ID }] } as never),
    ask('Metadata', 12, 'neither name nor id', { topics: [{ name: null }] }),
    ask('Metadata', 10, 'a name that is null', { topics: [{ name: null }] }),
    ask('Metadata', 10, 'an id', { topics: [{ name: 'a', topicId: UNKNOWN_ID }] } as never),
  ]
}

function partitionQuestions(): Question[] {
  type Growth = { name: string; count: number; assignments: { brokerIds: number[] }[] | null }
  const grow = (version: number, about: string, topics: Growth[], validateOnly = false): Question => ask('CreatePartitions', version, about, { topics, timeoutMs, validateOnly })
  const to = (name: string, count: number, assignments: number[][] | null = null): Growth => ({ name, count, assignments: assignments?.map((brokerIds) => ({ brokerIds })) ?? null })
  return [
    ...[0, 1, 2, 3].flatMap((version) => [grow(version, `to ${4 + version}`, [to('a', 4 + version)]), grow(version, `to ${4 + version} again`, [to('a', 4 + version)])]),
    ...[to('a', 2), to('a', 0), to('a', -1), to('nope', 2), to('', 2), to('__cluster_metadata', 2), to('a', 10_007), to('a', 10_008)].map((topic) => grow(3, `${topic.name} to ${topic.count}`, [topic], true)),
    grow(3, 'one topic twice', [to('a', 9), to('a', 10), to('b', 3)], true),
    ...[[[1]], [[1], [1]], [[1], [1], [1]], [[1], [2]], [[1], [1, 1]], [[1], []], []].map((assignments) => grow(3, `as ${JSON.stringify(assignments)}`, [to('a', 9, assignments)], true)),
  ]
}

function pageQuestions(): Question[] {
  const page = (about: string, names: string[], responsePartitionLimit: number, cursor: { topicName: string; partitionIndex: number } | null = null): Question =>
    ask('DescribeTopicPartitions', 0, about, { topics: names.map((name) => ({ name })), responsePartitionLimit, cursor })
  return [
    page('all', [], 2000),
    page('in order', ['b', 'a', 'nope', 'a b', '__consumer_offsets'], 2000),
    ...[3, 7, 9, 0, -1].map((limit) => page(`at most ${limit}`, ['b', 'a', 'nope'], limit)),
    page('one twice', ['b', 'b'], 30),
    ...[3, 7, 17, -1].map((partitionIndex) => page(`from ${partitionIndex}`, ['b', 'a'], 3, { topicName: 'a', partitionIndex })),
    page('from what was not asked', ['b'], 30, { topicName: 'a', partitionIndex: 1 }),
    page('from what is gone', ['b', 'a0'], 30, { topicName: 'a0', partitionIndex: 1 }),
  ]
}

function logQuestions(): Question[] {
  const deletion = (version: number, topic: string, ...partitions: [number, bigint][]): Question =>
    ask('DeleteRecords', version, topic, { topics: [{ name: topic, partitions: partitions.map(([partitionIndex, offset]) => ({ partitionIndex, offset })) }], timeoutMs })
  return [
    ...[0, 1, 2].map((version) => deletion(version, 'a', [0, 0n], [1, -1n], [2, 5n], [99, 0n], [3, -2n])),
    create('compacted', [topicOf('compacted', 1, { 'cleanup.policy': 'compact' }), topicOf('kept', 1, { 'cleanup.policy': '' })]),
    ...['nope', '__consumer_offsets', 'compacted', 'kept'].map((topic) => deletion(2, topic, [0, 0n])),
    ask('DescribeProducers', 0, 'some', { topics: [{ name: 'a', partitionIndexes: [0, 99] }, { name: 'nope', partitionIndexes: [0] }, { name: 'a b', partitionIndexes: [0] }] }),
    ...[1, 2, 3, 4, 5].map((version) => ask('DescribeLogDirs', version, 'some', { topics: [{ topic: 'a', partitions: [0, 1, 99] }, { topic: 'nope', partitions: [0] }] })),
    ask('DescribeLogDirs', 5, 'none', { topics: [] }),
    ask('ListPartitionReassignments', 0, 'all', { timeoutMs, topics: null }),
    ask('ListPartitionReassignments', 0, 'some', { timeoutMs, topics: [{ name: 'a', partitionIndexes: [0, 99] }, { name: 'nope', partitionIndexes: [0] }] }),
  ]
}

function deletionQuestions(): Question[] {
  const remove = (about: string, ...topics: { name: string | null; topicId?: string }[]): Question => ask('DeleteTopics', 6, about, { topics, timeoutMs } as never)
  return [
    ...[1, 2, 3, 4, 5].map((version) => ask('DeleteTopics', version, 'unknown', { topicNames: ['nope', 'other', 'nope'], timeoutMs })),
    remove('nothing', { name: null }),
    remove('an unknown id', { name: null, topicId: UNKNOWN_ID }),
    remove('a name and an id', { name: 'a', topicId: UNKNOWN_ID }),
    remove('an id twice', { name: null, topicId: UNKNOWN_ID }, { name: null, topicId: UNKNOWN_ID }),
    remove('the metadata', { name: '__cluster_metadata' }),
    remove('no name', { name: '' }),
    remove('a topic', { name: 'a' }),
    ask('DeleteTopics', 5, 'one twice', { topicNames: ['b', 'b'], timeoutMs }),
    ask('Metadata', 12, 'what is gone', { topics: [{ name: 'a' }], allowAutoTopicCreation: false }),
  ]
}
