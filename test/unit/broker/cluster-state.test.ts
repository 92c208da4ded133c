import { expect, test } from 'vitest'
import { changesCluster, clusterState, replicationQuotas } from '../../../src/broker/cluster-state.ts'
import { metadataRecord } from '../../../src/metadata/controller/metadata-records.ts'
import { MetadataDelta } from '../../../src/metadata/metadata-delta.ts'
import { broker, cluster, idOf, NO_ELR, partition } from '../../support/cluster-images.ts'

test('tells of the other brokers where brokers reach each other, and of none that may not be in sync an epoch', () => {
  const endpoints = [{ name: 'EXTERNAL', host: 'example', port: 1, securityProtocol: 0 }, { name: 'INTERNAL', host: 'host', port: 2, securityProtocol: 0 }]
  const image = cluster({ brokers: [broker(1, { endpoints }), broker(2, { endpoints, rack: 'r' }), broker(3, { endpoints, fenced: true }), broker(4, { endpoints, inControlledShutdown: true }), broker(5)] })
  const peer = (nodeId: number, brokerEpoch: number, rack: string | null = null) => ({ nodeId, host: 'host', port: 2, rack, brokerEpoch })
  expect(clusterState(image, 1, 100n, 'INTERNAL')).toEqual({ brokerEpoch: 100, peers: [peer(2, 200, 'r'), peer(3, -1), peer(4, -1)], eligibleLeaderReplicas: true })
  expect(clusterState(cluster({ features: NO_ELR }), 1, -1n, 'PLAINTEXT')).toMatchObject({ brokerEpoch: -1, eligibleLeaderReplicas: false })
})

test.each([
  { case: 'nothing set', dynamic: {}, quotas: { leader: Infinity, follower: Infinity } },
  { case: 'one set', dynamic: { 'leader.replication.throttled.rate': '1000' }, quotas: { leader: 1000, follower: Infinity } },
  { case: 'both set', dynamic: { 'leader.replication.throttled.rate': '0', 'follower.replication.throttled.rate': '5' }, quotas: { leader: 0, follower: 5 } },
  { case: 'as much as there can be', dynamic: { 'leader.replication.throttled.rate': '9223372036854775807' }, quotas: { leader: Infinity, follower: Infinity } },
])('replication quotas with $case', ({ dynamic, quotas }) => {
  expect(replicationQuotas({ dynamicBroker: new Map(Object.entries(dynamic)), dynamicDefault: new Map(), given: new Map() })).toEqual(quotas)
})

test.each([
  { record: metadataRecord('UnregisterBrokerRecord', { brokerId: 3, brokerEpoch: 300n }), changes: true },
  { record: metadataRecord('FeatureLevelRecord', { name: 'group.version', featureLevel: 0 }), changes: true },
  { record: metadataRecord('RemoveTopicRecord', { topicId: idOf('t') }), changes: false },
])('$record.name: the cluster changes $changes', ({ record, changes }) => {
  const delta = new MetadataDelta(cluster({ topics: { t: [partition()] } }))
  delta.replay(record)
  expect(changesCluster(delta)).toBe(changes)
})
