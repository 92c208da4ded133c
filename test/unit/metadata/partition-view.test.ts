// Partitions as clients are told of them when not every broker is up.

import { expect, test } from 'vitest'
import { viewPartition, viewPartitionForMetadata } from '../../../src/metadata/handlers/partition-view.ts'
import { errorName } from '../../../src/protocol/error-codes.ts'
import { broker, cluster, dirOf, idOf, partitionOf } from '../../support/cluster-images.ts'

const image = cluster({
  brokers: [
    broker(1),
    broker(2, { fenced: true }),
    broker(3, { endpoints: [{ name: 'OTHER', host: 'h', port: 1, securityProtocol: 0 }] }),
    broker(4, { logDirs: [dirOf(4), idOf('second')] }),
  ],
  topics: {
    t: [{ isr: [1, 3] }, { leader: 2, isr: [2] }, { leader: 3 }, { leader: -1, isr: [], eligibleLeaderReplicas: [2] }, { replicas: [1, 4], directories: [dirOf(1), idOf('failed')] }, { replicas: [1, 9], isr: [1] }],
  },
})

test.each([
  [0, 'NONE', 1, [2, 3]],
  [1, 'LEADER_NOT_AVAILABLE', -1, [2, 3]],
  [2, 'LISTENER_NOT_FOUND', -1, [2, 3]],
  [3, 'LEADER_NOT_AVAILABLE', -1, [2, 3]],
  // In a directory that the broker no longer has.
  [4, 'NONE', 1, [4]],
  [5, 'NONE', 1, [9]],
])('partition %i', (index, error, leaderId, offline) => {
  const view = viewPartition(image, 'PLAINTEXT', partitionOf(image, 't', index))
  expect([errorName(view.errorCode), view.leaderId, view.offlineReplicas]).toEqual([error, leaderId, offline])
})

test('before version 6 a client does not know of leaders without its listener', () => {
  expect([5, 6].map((version) => errorName(viewPartitionForMetadata(image, 'PLAINTEXT', partitionOf(image, 't', 2), version).errorCode))).toEqual(['LEADER_NOT_AVAILABLE', 'LISTENER_NOT_FOUND'])
})

test('version 0 leaves out whom nobody can reach, and says so', () => {
  const view = viewPartitionForMetadata(image, 'PLAINTEXT', partitionOf(image, 't', 0), 0)
  expect([errorName(view.errorCode), view.leaderId, view.replicaNodes, view.isrNodes]).toEqual(['REPLICA_NOT_AVAILABLE', 1, [1], [1]])
  expect(viewPartitionForMetadata(image, 'PLAINTEXT', partitionOf(image, 't', 0), 1).replicaNodes).toEqual([1, 2, 3])
})
