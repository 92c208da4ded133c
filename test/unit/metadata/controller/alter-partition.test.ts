import { expect, test } from 'vitest'
import { alterPartitions } from '../../../../src/metadata/controller/alter-partition.ts'
import type { PartitionAlteration } from '../../../../src/metadata/controller/alter-partition.ts'
import { errorName, KafkaError } from '../../../../src/protocol/error-codes.ts'
import { after, broker, changesOf, cluster, dirOf, epochOf, idOf, NO_ELR, partitionOf } from '../../../support/cluster-images.ts'
import type { ClusterOf, PartitionOf } from '../../../support/cluster-images.ts'

type Asked = { isr?: number[]; epochs?: Record<number, bigint> } & Partial<Omit<PartitionAlteration, 'newIsr' | 'newIsrWithEpochs'>>

function ask(state: PartitionOf, { isr = [1, 2, 3], epochs = {}, ...change }: Asked, { from = 1, version = 3, minInsyncReplicas = 1, of = {} }: { from?: number; version?: number; minInsyncReplicas?: number; of?: ClusterOf } = {}) {
  const image = cluster({ brokers: [1, 2, 3, 4, 5].map((id) => broker(id)), ...of, topics: { t: [state] } })
  const alteration: PartitionAlteration = {
    partitionIndex: 0,
    leaderEpoch: 5,
    partitionEpoch: 7,
    leaderRecoveryState: 0,
    newIsr: version < 3 ? isr : [],
    newIsrWithEpochs: version < 3 ? [] : isr.map((brokerId) => ({ brokerId, brokerEpoch: epochs[brokerId] ?? epochOf(brokerId) })),
    ...change,
  }
  const request = { brokerId: from, brokerEpoch: epochOf(from), topics: [{ topicId: idOf('t'), partitions: [alteration] }] }
  const { records, response } = alterPartitions(image, request, version, () => ({ minInsyncReplicas, allowsUncleanElection: false }))
  const outcome = response[0]?.partitions[0]
  return { changes: changesOf(records), error: errorName(outcome?.errorCode ?? -1), outcome, state: partitionOf(after(image, records)) }
}

const shrunk: PartitionOf = { isr: [1, 2] }

test('an ISR grows as the leader says, and the leader is told what the partition is then', () => {
  for (const version of [2, 3]) {
    const { changes, outcome } = ask(shrunk, {}, { version })
    expect(changes).toEqual([{ partition: 0, isr: [1, 2, 3] }])
    expect(outcome).toEqual({ partitionIndex: 0, errorCode: 0, leaderId: 1, leaderEpoch: 5, isr: [1, 2, 3], leaderRecoveryState: 0, partitionEpoch: 8 })
  }
})

test('an ISR that is as it was is confirmed, and nothing is written', () => {
  const { changes, outcome } = ask({}, {})
  expect([changes, outcome?.errorCode, outcome?.partitionEpoch]).toEqual([[], 0, 7])
})

test.each<[string, string, PartitionOf, Asked, Parameters<typeof ask>[2]?]>([
  ['a leader epoch of the future', 'NOT_CONTROLLER', shrunk, { leaderEpoch: 6 }],
  ['a partition epoch of the future', 'NOT_CONTROLLER', shrunk, { partitionEpoch: 8 }],
  ['a leader epoch of the past', 'FENCED_LEADER_EPOCH', shrunk, { leaderEpoch: 4 }],
  ['a partition epoch of the past', 'INVALID_UPDATE_VERSION', shrunk, { partitionEpoch: 6 }],
  ['both of the past', 'FENCED_LEADER_EPOCH', shrunk, { leaderEpoch: 4, partitionEpoch: 6 }],
  ['somebody else than the leader', 'INVALID_REQUEST', shrunk, {}, { from: 2 }],
  ['an ISR without the leader', 'INVALID_REQUEST', shrunk, { isr: [2, 3] }],
  ['no ISR', 'INVALID_REQUEST', shrunk, { isr: [] }],
  ['a member that is no replica', 'INVALID_REQUEST', shrunk, { isr: [1, 2, 4] }],
  ['a member twice', 'INVALID_REQUEST', shrunk, { isr: [1, 2, 2] }],
  ['a recovery state that is none', 'INVALID_REQUEST', shrunk, { leaderRecoveryState: 2 }],
  ['others in sync with a leader that recovers', 'INVALID_REQUEST', { isr: [1], leaderRecoveryState: 1 }, { isr: [1, 2], leaderRecoveryState: 1 }],
  ['to recover again', 'INVALID_REQUEST', { isr: [1] }, { isr: [1], leaderRecoveryState: 1 }],
  ['a member that was registered again', 'INELIGIBLE_REPLICA', shrunk, { epochs: { 3: 299n } }],
  ['a member that is fenced', 'INELIGIBLE_REPLICA', shrunk, {}, { of: { brokers: [broker(1), broker(2), broker(3, { fenced: true })] } }],
  ['a member on its way out', 'INELIGIBLE_REPLICA', shrunk, {}, { of: { brokers: [broker(1), broker(2), broker(3, { inControlledShutdown: true })] } }],
  ['a member that is not registered', 'INELIGIBLE_REPLICA', shrunk, {}, { of: { brokers: [broker(1), broker(2)] } }],
  ['a partition that is not', 'UNKNOWN_TOPIC_OR_PARTITION', shrunk, { partitionIndex: 1 }],
])('refused: %s', (_what, name, state, asked, options) => {
  const { changes, error } = ask(state, asked, options)
  expect([error, changes]).toEqual([name, []])
})

test('an epoch that the leader does not know is not checked', () => {
  expect(ask(shrunk, { epochs: { 3: -1n } }).error).toBe('NONE')
})

test('a topic that is not', () => {
  const request = { brokerId: 1, brokerEpoch: epochOf(1), topics: [{ topicId: idOf('gone'), partitions: [{ partitionIndex: 3, leaderEpoch: 0, partitionEpoch: 0, leaderRecoveryState: 0, newIsr: [], newIsrWithEpochs: [] }] }] }
  const { response } = alterPartitions(cluster(), request, 3, () => ({ minInsyncReplicas: 1, allowsUncleanElection: false }))
  expect(response.map(({ partitions }) => partitions.map(({ partitionIndex, errorCode }) => [partitionIndex, errorName(errorCode)]))).toEqual([[[3, 'UNKNOWN_TOPIC_ID']]])
})

test('who is not who it says is refused as a whole', () => {
  const request = { brokerId: 1, brokerEpoch: 99n, topics: [] }
  expect(() => alterPartitions(cluster(), request, 3, () => ({ minInsyncReplicas: 1, allowsUncleanElection: false }))).toThrow(KafkaError)
})

test('who leaves an ISR below min.insync.replicas stays eligible until it is large enough again', () => {
  const left = ask(shrunk, { isr: [1] }, { minInsyncReplicas: 2 })
  expect(left.changes).toEqual([{ partition: 0, isr: [1], eligibleLeaderReplicas: [2] }])
  expect(ask(shrunk, { isr: [1] }, { minInsyncReplicas: 2, of: { features: NO_ELR } }).changes).toEqual([{ partition: 0, isr: [1] }])
  const back = ask({ isr: [1], eligibleLeaderReplicas: [2], lastKnownElr: [] }, { isr: [1, 3] }, { minInsyncReplicas: 2 })
  expect(back.changes).toEqual([{ partition: 0, isr: [1, 3], eligibleLeaderReplicas: [] }])
})

test('more than there are replicas never have to be in sync', () => {
  expect(ask({ replicas: [1, 2] }, { isr: [1, 2] }, { minInsyncReplicas: 5 }).changes).toEqual([])
  expect(ask({ replicas: [1, 2] }, { isr: [1] }, { minInsyncReplicas: 5 }).changes).toEqual([{ partition: 0, isr: [1], eligibleLeaderReplicas: [2] }])
})

test('a leader that has recovered says so', () => {
  const { changes, outcome } = ask({ isr: [1], leaderRecoveryState: 1 }, { isr: [1] })
  expect(changes).toEqual([{ partition: 0, leaderRecoveryState: 0 }])
  expect(outcome).toMatchObject({ errorCode: 0, leaderRecoveryState: 0, partitionEpoch: 8 })
})

test('the ISR that completes a reassignment ends it; a leader that goes with it is told that another leads', () => {
  const moving = { replicas: [4, 5, 1], leader: 1, isr: [1, 4], addingReplicas: [4, 5], removingReplicas: [1] }
  const waiting = ask(moving, { isr: [1, 4] })
  expect([waiting.error, waiting.changes]).toEqual(['NONE', []])
  const { changes, error, state } = ask(moving, { isr: [1, 4, 5] })
  expect(error).toBe('NEW_LEADER_ELECTED')
  expect(changes).toEqual([{ partition: 0, leader: 4, isr: [4, 5], replicas: [4, 5], addingReplicas: [], removingReplicas: [], directories: [dirOf(4), dirOf(5)] }])
  expect(state).toMatchObject({ leader: 4, leaderEpoch: 6, partitionEpoch: 8 })
})
