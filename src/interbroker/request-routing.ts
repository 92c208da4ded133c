// Which broker has to answer a request, and how a request for several brokers is cut up and its answers are joined.

import type { ApiName, Encodable, RequestOf } from '../protocol/api-keys.ts'

export type Route = { kind: 'any' } | { kind: 'broker'; brokerId: number } | { kind: 'everyBroker' } | { kind: 'leaders' } | { kind: 'coordinator'; of: 'group' | 'transaction'; key: string }
/** The leader of a partition, undefined or -1 for none. */
export type PartitionLeaders = (topic: string, partition: number) => number | undefined

/** No leader is known; any broker's answer says why. */
const NO_LEADER = -1

/** Kafka's numbers of the kinds of resources that have configs. */
const BROKER_RESOURCE = 4
const BROKER_LOGGER_RESOURCE = 8

type GroupRequest = { groupId?: string; groups?: readonly (string | { groupId?: string })[]; groupIds?: readonly string[]; groupsNames?: readonly string[] }

export function routeOf<N extends ApiName>(api: N, request: Encodable<RequestOf<N>>): Route {
  switch (api) {
    case 'OffsetCommit':
    case 'OffsetFetch':
    case 'OffsetDelete':
    case 'JoinGroup':
    case 'SyncGroup':
    case 'Heartbeat':
    case 'LeaveGroup':
    case 'DescribeGroups':
    case 'DeleteGroups':
    case 'ConsumerGroupDescribe':
    case 'ShareGroupDescribe':
    case 'DescribeShareGroupOffsets':
    case 'AlterShareGroupOffsets':
    case 'DeleteShareGroupOffsets':
    case 'StreamsGroupDescribe':
      return { kind: 'coordinator', of: 'group', key: groupOf(request as GroupRequest) }
    case 'DescribeTransactions':
      return { kind: 'coordinator', of: 'transaction', key: (request as { transactionalIds?: readonly string[] }).transactionalIds?.[0] ?? '' }
    case 'ListGroups':
    case 'ListTransactions':
      return { kind: 'everyBroker' }
    case 'ListOffsets':
    case 'DeleteRecords':
    case 'DescribeProducers':
    case 'WriteTxnMarkers':
      return { kind: 'leaders' }
    case 'DescribeConfigs':
    case 'IncrementalAlterConfigs':
      return routeOfConfigs(request as ConfigsRequest)
    default:
      return { kind: 'any' }
  }
}

type ConfigsRequest = { resources?: readonly { resourceType?: number; resourceName?: string; configs?: readonly { name?: string }[]; configurationKeys?: readonly string[] | null }[] }

/** A broker alone knows what it was started with, and changes its own; what is kept in the metadata any of ours knows, also of one that is down. */
function routeOfConfigs({ resources = [] }: ConfigsRequest): Route {
  const [first, ...others] = resources
  const isOfBroker = first?.resourceType === BROKER_RESOURCE || first?.resourceType === BROKER_LOGGER_RESOURCE
  const names = first?.configs?.map(({ name }) => name) ?? first?.configurationKeys ?? []
  if (first === undefined || others.length > 0 || !isOfBroker || !/^\d+$/.test(first.resourceName ?? '') || names.includes('broker.draining')) return { kind: 'any' }
  return { kind: 'broker', brokerId: Number(first.resourceName) }
}

/** These tools name one group in a request, or groups one after the other. */
function groupOf(request: GroupRequest): string {
  const first = request.groups?.[0]
  return request.groupId ?? (typeof first === 'string' ? first : first?.groupId) ?? request.groupIds?.[0] ?? request.groupsNames?.[0] ?? ''
}

type Partition = number | { partitionIndex?: number }
type TopicPart = { name?: string; partitions?: readonly Partition[]; partitionIndexes?: readonly number[] }
type Divisible = { topics?: readonly TopicPart[]; markers?: readonly { topics?: readonly TopicPart[] }[] }

/** One request for each leader, with the partitions that it leads. */
export function splitByLeader<N extends ApiName>(api: N, request: Encodable<RequestOf<N>>, leaders: PartitionLeaders): Map<number, Encodable<RequestOf<N>>> {
  const divisible = request as Divisible
  const brokerIds = new Set<number>()
  const leaderOf = (topic: TopicPart, partition: Partition) =>
    leaders(topic.name ?? '', typeof partition === 'number' ? partition : (partition.partitionIndex ?? 0)) ?? NO_LEADER
  const eachTopic = api === 'WriteTxnMarkers' ? divisible.markers?.flatMap(marker => marker.topics ?? []) : divisible.topics
  for (const topic of eachTopic ?? []) {
    for (const partition of topic.partitions ?? topic.partitionIndexes ?? []) brokerIds.add(leaderOf(topic, partition))
  }
  const keep = (topics: readonly TopicPart[] | undefined, brokerId: number): TopicPart[] =>
    (topics ?? []).map(topic => ({
      ...topic,
      ...(topic.partitions && { partitions: topic.partitions.filter(partition => leaderOf(topic, partition) === brokerId) }),
      ...(topic.partitionIndexes && { partitionIndexes: topic.partitionIndexes.filter(partition => leaderOf(topic, partition) === brokerId) }),
    })).filter(topic => (topic.partitions ?? topic.partitionIndexes ?? []).length > 0)
  const part = (brokerId: number): Divisible => (api === 'WriteTxnMarkers'
    ? { markers: (divisible.markers ?? []).map(marker => ({ ...marker, topics: keep(marker.topics, brokerId) })) }
    : { ...divisible, topics: keep(divisible.topics, brokerId) })
  return new Map([...brokerIds].map(brokerId => [brokerId, part(brokerId) as Encodable<RequestOf<N>>]))
}

/** Joins the arrays of the answers; the other fields are those of the first answer with an error, or of the first. */
export function mergeResponses<R extends object>(responses: readonly R[]): R {
  const failed = responses.find(response => 'errorCode' in response && response.errorCode !== 0)
  const merged: Record<string, unknown> = { ...(failed ?? responses[0]) }
  for (const [name, value] of Object.entries(merged)) {
    if (Array.isArray(value)) merged[name] = responses.flatMap(response => (response as Record<string, unknown>)[name])
  }
  return merged as R
}
