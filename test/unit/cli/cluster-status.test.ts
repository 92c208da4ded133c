import { expect, test } from 'vitest'
import type { ClusterStatus } from '../../../src/admin/schemas/cluster.ts'
import { statusLines } from '../../../src/cli/cluster/status.ts'

const STATUS: ClusterStatus = {
  clusterId: 'EwCYALwn2pBCX61yYOXSHg',
  controllerId: 2,
  brokers: [
    { brokerId: 1, host: 'a.example', port: 9092, rack: 'a', controller: false, fenced: false, draining: true, leaders: 0, replicas: 1, sizeBytes: 3_565_158 },
    { brokerId: 2, host: 'b.example', port: 9092, rack: null, controller: true, fenced: false, draining: false, leaders: 2, replicas: 3, sizeBytes: 0 },
    { brokerId: 3, host: 'c.example', port: 9092, rack: null, controller: false, fenced: true, draining: false, leaders: 0, replicas: 1, sizeBytes: null },
  ],
  quorum: {
    leaderId: 2,
    leaderEpoch: 5,
    highWatermark: 100,
    voters: [{ nodeId: 2, directoryId: 'tzEfWYz63LBPTPs6RkIu6A', voter: true, logEndOffset: 101, lag: 0, lastFetchMs: null, lastCaughtUpMs: 0 }],
    observers: [{ nodeId: 3, directoryId: 'zTqa7gIYzGIUZHuMIJxzeQ', voter: false, logEndOffset: 90, lag: 11, lastFetchMs: null, lastCaughtUpMs: null }],
  },
  partitionCount: 3,
  underReplicated: [{ topic: 't', partition: 0, leader: -1, replicas: [3], isr: [], minIsr: 1 }],
  offline: [{ topic: 't', partition: 0, leader: -1, replicas: [3], isr: [], minIsr: 1 }],
  underMinIsr: [],
  reassignments: [{ topic: 't', partition: 1, replicas: [1, 2], addingReplicas: [2], removingReplicas: [1], copiedBytes: 512, sizeBytes: 2048 }],
}

test('a status is tables that people read', () => {
  expect(statusLines(STATUS)).toEqual([
    'Cluster id: EwCYALwn2pBCX61yYOXSHg  Controller: 2',
    'BROKER  ADDRESS         RACK  STATE          LEADERS  REPLICAS  SIZE',
    '     1  a.example:9092  a     up,draining          0         1  3.4 MiB',
    '     2  b.example:9092  -     up,controller        2         3  0 B',
    '     3  c.example:9092  -     fenced               0         1  -',
    '',
    'Quorum: leader 2, epoch 5, high watermark 100',
    'NODE  ROLE      LAG  LAST-CAUGHT-UP            DIRECTORY-ID',
    '   2  leader      0  1970-01-01T00:00:00.000Z  tzEfWYz63LBPTPs6RkIu6A',
    '   3  observer   11  -                         zTqa7gIYzGIUZHuMIJxzeQ',
    '',
    'Partitions: 3, under-replicated: 1, offline: 1, under min ISR: 0',
    'TOPIC  PARTITION  TROUBLE                   LEADER  REPLICAS  ISR  MIN-ISR',
    't              0  under-replicated,offline  none    3           -        1',
    'Reassignments: 1',
    'TOPIC  PARTITION  ADDING  REMOVING  COPIED',
    't              1  2       1         25% of 2.0 KiB',
  ])
})

test('a quiet cluster has no tables of trouble', () => {
  const lines = statusLines({ ...STATUS, controllerId: -1, underReplicated: [], offline: [], reassignments: [] })
  expect(lines.slice(-2)).toEqual(['Partitions: 3, under-replicated: 0, offline: 0, under min ISR: 0', 'Reassignments: 0'])
  expect(lines[0]).toContain('Controller: none')
})
