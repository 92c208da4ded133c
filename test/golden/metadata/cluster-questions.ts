// The cluster as a whole: its nodes, features, leaders and assignments, and what it has none of.

import { ask, topicOf } from './question.ts'
import type { Question } from './question.ts'

const timeoutMs = 5000

export function clusterQuestions(): Question[] {
  const describe = (version: number, endpointType: number): Question =>
    ask('DescribeCluster', version, `endpoints ${endpointType}`, { endpointType, includeClusterAuthorizedOperations: true, includeFencedBrokers: version >= 2 })
  const quorum = (topicName: string, partitionIndex: number): Question => ask('DescribeQuorum', 2, `${topicName} ${partitionIndex}`, { topics: [{ topicName, partitions: [{ partitionIndex }] }] })
  return [
    ask('CreateTopics', 7, 'two', { topics: [topicOf('a', 3), topicOf('b', 2)], timeoutMs }),
    describe(0, 1),
    ...[1, 2].flatMap((version) => [1, 2, 3, 0].map((type) => describe(version, type))),
    quorum('__cluster_metadata', 1),
    quorum('other', 0),
    ...elections(),
    ...reassignments(),
    ...featureUpdates(),
  ]
}

function elections(): Question[] {
  const elect = (version: number, about: string, electionType: number, topics: Readonly<Record<string, number[]>> | null): Question =>
    ask('ElectLeaders', version, about, { electionType, timeoutMs, topicPartitions: topics === null ? null : Object.entries(topics).map(([topic, partitions]) => ({ topic, partitions })) })
  return [
    elect(0, 'of all', 0, null),
    ...[1, 2].flatMap((version) => [0, 1].map((type) => elect(version, `of type ${type} of all`, type, null))),
    ...[0, 1].map((type) => elect(2, `of type ${type} of some`, type, { a: [0, 1, 9], nope: [0] })),
    elect(0, 'of some', 0, { a: [0, 9] }),
    elect(2, 'of none', 0, {}),
  ]
}

function reassignments(): Question[] {
  type Assignment = Readonly<Record<string, readonly [number, number[] | null][]>>
  const assign = (version: number, about: string, topics: Assignment, allowReplicationFactorChange = true): Question =>
    ask('AlterPartitionReassignments', version, about, {
      timeoutMs,
      ...(version > 0 ? { allowReplicationFactorChange } : {}),
      topics: Object.entries(topics).map(([name, partitions]) => ({ name, partitions: partitions.map(([partitionIndex, replicas]) => ({ partitionIndex, replicas })) })),
    })
  return [
    ...[0, 1].map((version) => assign(version, 'to where they are', { a: [[0, [1]], [1, [1]]] })),
    assign(1, 'of what is not there', { a: [[9, [1]]], nope: [[0, [1]]] }),
    assign(1, 'to nobody', { a: [[0, []]] }),
    assign(1, 'to one twice', { a: [[0, [1, 1]]] }),
    assign(1, 'to an unknown broker', { a: [[0, [7]], [1, [1, 7]], [2, [-1]]] }),
    assign(1, 'to another count', { a: [[0, [1, 7]]] }, false),
    assign(1, 'cancelled', { a: [[0, null], [9, null]], nope: [[0, null]] }),
    assign(1, 'of none', {}),
    ask('ListPartitionReassignments', 0, 'all', { timeoutMs, topics: null }),
  ]
}

const [UNKNOWN, UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE] = [0, 1, 2, 3]

function featureUpdates(): Question[] {
  type Update = readonly [feature: string, level: number, upgradeType: number]
  const update = (version: number, about: string, updates: readonly Update[], validateOnly = false): Question =>
    ask('UpdateFeatures', version, about, {
      timeoutMs,
      featureUpdates: updates.map(([feature, maxVersionLevel, upgradeType]) => ({ feature, maxVersionLevel, ...(version === 0 ? { allowDowngrade: upgradeType !== UPGRADE } : { upgradeType }) })),
      ...(version === 0 ? {} : { validateOnly }),
    })
  const single: readonly Update[] = [
    ['transaction.version', 2, UPGRADE], ['transaction.version', 3, UPGRADE], ['transaction.version', 1, UPGRADE], ['transaction.version', 2, SAFE_DOWNGRADE], ['transaction.version', -1, UNSAFE_DOWNGRADE],
    ['transaction.version', 1, UNKNOWN], ['nope', 1, UPGRADE], ['nope', 0, SAFE_DOWNGRADE], ['metadata.version', 30, UPGRADE], ['metadata.version', 31, UPGRADE], ['metadata.version', 6, UNSAFE_DOWNGRADE], ['metadata.version', 29, UPGRADE],
  ]
  return [
    ...[0, 1, 2].flatMap((version) => single.map((each) => update(version, each.join(' '), [each], true))),
    update(2, 'down', [['transaction.version', 1, SAFE_DOWNGRADE]]),
    update(2, 'down again', [['transaction.version', 1, SAFE_DOWNGRADE]]),
    update(2, 'up', [['transaction.version', 2, UPGRADE]]),
    ...[1, 2].flatMap((version) => [
      update(version, 'one of two wrong', [['transaction.version', 2, UPGRADE], ['nope', 1, UPGRADE]]),
      update(version, 'none', []),
      update(version, 'one twice', [['transaction.version', 2, UPGRADE], ['transaction.version', 1, SAFE_DOWNGRADE]]),
    ]),
  ]
}

/** What is asked about parts that a broker without security and quotas has none of. */
export function absenceQuestions(): Question[] {
  const acls = { resourceTypeFilter: 1, resourceNameFilter: null, patternTypeFilter: 1, principalFilter: null, hostFilter: null, operation: 1, permissionType: 1 }
  const acl = { resourceType: 2, resourceName: 'a', resourcePatternType: 3, principal: 'User:x', host: '*', operation: 3, permissionType: 3 }
  const components = (about: string, each: { entityType: string; matchType: number; match: string | null }[], strict = false): Question[] => [0, 1].map((version) => ask('DescribeClientQuotas', version, about, { components: each, strict }))
  return [
    ...[1, 2, 3].flatMap((version) => [
      ask('DescribeAcls', version, 'all', acls),
      ask('CreateAcls', version, 'one', { creations: [acl] }),
      ask('DeleteAcls', version, 'all', { filters: [acls] }),
    ]),
    ...components('of users', [{ entityType: 'user', matchType: 2, match: null }]),
    ...components('of a user and all clients', [{ entityType: 'user', matchType: 0, match: 'x' }, { entityType: 'client-id', matchType: 2, match: null }], true),
    ...components('of the default user', [{ entityType: 'user', matchType: 1, match: null }], true),
    ...components('of all', []),
    ...components('of what is unknown', [{ entityType: 'nope', matchType: 2, match: null }]),
    ...components('of no kind', [{ entityType: '', matchType: 2, match: null }]),
    ...components('of a type twice', [{ entityType: 'user', matchType: 2, match: null }, { entityType: 'user', matchType: 2, match: null }]),
    ...components('of addresses and users', [{ entityType: 'ip', matchType: 2, match: null }, { entityType: 'user', matchType: 2, match: null }]),
    ...components('matched oddly', [{ entityType: 'user', matchType: 7, match: null }]),
    ask('DescribeUserScramCredentials', 0, 'of all', { users: null }),
    ask('DescribeUserScramCredentials', 0, 'of none', { users: [] }),
    ask('DescribeUserScramCredentials', 0, 'of some', { users: [{ name: 'x' }, { name: '' }, { name: 'y' }, { name: 'y' }] }),
  ]
}
