// The balancer's view of a cluster that is Apache Kafka's: brokers speak for themselves alone and know of no draining.

import { expect, test } from 'vitest'
import { planCluster, readBalancerState, remoteCluster } from '../../../../src/admin/operations/balance.ts'
import { clusterStatus } from '../../../../src/admin/operations/cluster-status.ts'
import { drainingBrokers } from '../../../../src/admin/operations/draining.ts'
import type { ClusterCaller } from '../../../../src/broker/cluster-caller.ts'
import { routeOf } from '../../../../src/interbroker/request-routing.ts'

const partition = (partitionIndex: number, replicaNodes: number[], isrNodes = replicaNodes) => ({ errorCode: 0, partitionIndex, leaderId: isrNodes[0] ?? -1, leaderEpoch: 0, replicaNodes, isrNodes, offlineReplicas: [] })

/** Three brokers, of which the third is down; orders-1 is on its way from 1 to 2. */
function kafka(): { caller: ClusterCaller; calls: [string, unknown][] } {
  const calls: [string, unknown][] = []
  const brokers = [1, 2, 3].map((brokerId) => ({ brokerId, host: 'h', port: 9090 + brokerId, rack: null, isFenced: brokerId === 3 }))
  const held: Record<number, Record<number, bigint>> = { 1: { 0: 100n, 1: 200n }, 2: { 1: 50n } }
  const answers: Record<string, (request: any) => unknown> = {
    DescribeCluster: () => ({ errorCode: 0, clusterId: 'c', controllerId: 1, brokers }),
    Metadata: () => ({ topics: [{ errorCode: 0, name: 'orders', topicId: '', isInternal: false, partitions: [partition(0, [1, 3], [1]), partition(1, [2, 1], [1])] }] }),
    ListPartitionReassignments: () => ({ errorCode: 0, topics: [{ name: 'orders', partitions: [{ partitionIndex: 1, replicas: [2, 1], addingReplicas: [2], removingReplicas: [1] }] }] }),
    DescribeQuorum: () => ({ errorCode: 0, topics: [{ partitions: [{ errorCode: 0, leaderId: 2, leaderEpoch: 4, highWatermark: 9n, currentVoters: [{ replicaId: 2, replicaDirectoryId: 'd', logEndOffset: 10n, lastFetchTimestamp: -1n, lastCaughtUpTimestamp: 5n }, { replicaId: 1, replicaDirectoryId: 'e', logEndOffset: 7n, lastFetchTimestamp: 4n, lastCaughtUpTimestamp: 4n }], observers: [] }] }] }),
    DescribeConfigs: ({ resources }) => ({ results: resources.map(({ resourceType, resourceName }: any) => ({ errorCode: resourceType === 4 && resourceName !== '1' ? 42 : 0, resourceType, resourceName, configs: resourceType === 2 ? [{ name: 'min.insync.replicas', value: '2' }] : [] })) }),
    IncrementalAlterConfigs: ({ resources }) => ({ responses: resources.map(() => ({ errorCode: 0 })) }),
    AlterPartitionReassignments: ({ topics }) => ({ errorCode: 0, responses: topics.map(({ name, partitions }: any) => ({ name, partitions: partitions.map(({ partitionIndex }: any) => ({ partitionIndex, errorCode: partitionIndex === 1 ? 60 : 0, errorMessage: null })) })) }),
    ElectLeaders: () => ({ errorCode: 0, replicaElectionResults: [] }),
  }
  const call = async (api: string, request: unknown): Promise<any> => {
    calls.push([api, request])
    return answers[api]?.(request)
  }
  const callBroker = async (id: number): Promise<any> => {
    if (held[id] === undefined) throw new Error('refused')
    return { errorCode: 0, results: [{ topics: [{ name: 'orders', partitions: Object.entries(held[id]).map(([index, partitionSize]) => ({ partitionIndex: Number(index), partitionSize, isFutureKey: false })) }] }] }
  }
  return { caller: { call, callBroker } as unknown as ClusterCaller, calls }
}

test('its state is read from what brokers answer, whoever does not answer is passed over', async () => {
  const state = await readBalancerState(kafka().caller, [1])
  expect(state.brokers).toEqual([
    { id: 1, rack: null, available: true, draining: true },
    { id: 2, rack: null, available: true, draining: false },
    { id: 3, rack: null, available: false, draining: false },
  ])
  expect(state.partitions).toEqual([
    { topic: 'orders', partition: 0, leader: 1, isr: [1], replicas: [1, 3], moving: false, sizeBytes: 100, bytesInPerSecond: 0 },
    { topic: 'orders', partition: 1, leader: 1, isr: [1], replicas: [2], moving: true, sizeBytes: 200, bytesInPerSecond: 0 },
  ])
  expect(await drainingBrokers(kafka().caller, [1, 2, 3])).toEqual({ draining: new Set(), known: false })
  expect(await planCluster(kafka().caller, { alsoDraining: [1] })).toMatchObject({ moves: [{ kind: 'replica', topic: 'orders', partition: 0, from: 1, to: 2, bytes: 100, reason: 'DRAIN', replicas: [2, 3] }], blocked: [], totalBytes: 100 })
})

test('its status counts what is missing, not what is on its way', async () => {
  const status = await clusterStatus(kafka().caller)
  expect(status.controllerId).toBe(2)
  expect(status.brokers.map(({ brokerId, controller, fenced, leaders, replicas, sizeBytes }) => [brokerId, controller, fenced, leaders, replicas, sizeBytes])).toEqual([
    [1, false, false, 2, 2, 300],
    [2, true, false, 0, 1, 50],
    [3, false, true, 0, 1, null],
  ])
  expect(status.quorum.voters.map(({ nodeId, lag, lastFetchMs }) => [nodeId, lag, lastFetchMs])).toEqual([[1, 3, 4], [2, 0, null]])
  expect(status.underReplicated.map((each) => each.partition)).toEqual([0])
  expect(status.underMinIsr.map((each) => each.partition)).toEqual([0, 1])
  expect(status.reassignments).toEqual([{ topic: 'orders', partition: 1, replicas: [2, 1], addingReplicas: [2], removingReplicas: [1], copiedBytes: 50, sizeBytes: 200 }])
})

test('throttles are set resource by resource, and refused partitions are named', async () => {
  const { caller, calls } = kafka()
  const cluster = remoteCluster(caller)
  await cluster.throttle([{ type: 'broker', name: '2', values: { 'leader.replication.throttled.rate': '7' } }])
  await cluster.unthrottle([{ type: 'broker', name: '2', values: { 'leader.replication.throttled.rate': '7' } }])
  expect(calls.map(([, request]) => (request as any).resources[0])).toMatchObject([
    { resourceType: 4, resourceName: '2', configs: [{ name: 'leader.replication.throttled.rate', value: '7', configOperation: 0 }] },
    { resourceType: 4, resourceName: '2', configs: [{ name: 'leader.replication.throttled.rate', value: null, configOperation: 1 }] },
  ])
  const targets = [0, 1].map((index) => ({ topic: 'orders', partition: index, replicas: [2] }))
  expect(await cluster.reassign(targets)).toMatchObject([{ topic: 'orders', partition: 1 }])
})

test('configs of one broker are asked of that broker; draining, which is kept in the metadata, of any', () => {
  const alter = (resourceName: string, name: string, resourceType = 4) => routeOf('IncrementalAlterConfigs', { resources: [{ resourceType, resourceName, configs: [{ name, configOperation: 0, value: '1' }] }] })
  expect(alter('2', 'leader.replication.throttled.rate')).toEqual({ kind: 'broker', brokerId: 2 })
  expect(alter('2', 'broker.draining')).toEqual({ kind: 'any' })
  expect(alter('', 'log.retention.ms')).toEqual({ kind: 'any' })
  expect(alter('orders', 'retention.ms', 2)).toEqual({ kind: 'any' })
  expect(routeOf('DescribeConfigs', { resources: [{ resourceType: 4, resourceName: '2', configurationKeys: null }] })).toEqual({ kind: 'broker', brokerId: 2 })
})
