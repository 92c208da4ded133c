import { expect, test } from 'vitest'
import { applyRecord, MetadataDelta } from '../../../../src/metadata/metadata-delta.ts'
import { emptyImage } from '../../../../src/metadata/cluster-image.ts'
import type { ClusterImage } from '../../../../src/metadata/cluster-image.ts'
import { electLeaders, ELECTION_TYPES } from '../../../../src/metadata/controller/elect-leaders.ts'
import { metadataRecord } from '../../../../src/metadata/controller/metadata-records.ts'
import { changeOfPartition, partitionRecord } from '../../../../src/metadata/controller/partition-records.ts'
import { reassignPartitions } from '../../../../src/metadata/controller/reassign-partitions.ts'
import type { MetadataRecord } from '../../../../src/protocol/codec.ts'
import { errorName } from '../../../../src/protocol/error-codes.ts'
import type { Uuid } from '../../../../src/shared/uuid.ts'
import { joiningBroker } from '../../../support/cluster-images.ts'

const TOPIC = 'Sm9pbi1UaGUtRmlyc3QtMQ' as Uuid

function after(image: ClusterImage, records: readonly MetadataRecord[]): ClusterImage {
  const delta = new MetadataDelta(image)
  for (const record of records) delta.replay(record)
  return delta.apply(image.offset + BigInt(records.length))
}

const policies = () => ({ minInsyncReplicas: 1, allowsUncleanElection: false })

/** Three brokers, and a topic whose partition is on the first two and the first leads. */
function cluster(): ClusterImage {
  let image = emptyImage(TOPIC)
  for (const id of [1, 2, 3]) image = after(image, [joiningBroker(image, id)])
  image = applyRecord(image, metadataRecord('TopicRecord', { name: 't', topicId: TOPIC }))
  return applyRecord(image, partitionRecord(image, TOPIC, 0, [1, 2]))
}

const partitionOf = (image: ClusterImage) => image.topicsByName.get('t')?.partitions[0]
const electionError = ({ response }: ReturnType<typeof electLeaders>) => errorName(response[0]?.partitionResult[0]?.errorCode ?? -1)
const reassignTo = (image: ClusterImage, replicas: number[] | null, allowChange = true) => reassignPartitions(image, [{ name: 't', partitions: [{ partitionIndex: 0, replicas }] }], allowChange, policies)
const reassignmentError = ({ response }: ReturnType<typeof reassignPartitions>) => errorName(response[0]?.partitions[0]?.errorCode ?? -1)

test('the preferred replica leads again once it is in sync', () => {
  const image = applyRecord(cluster(), changeOfPartition(TOPIC, 0, { leader: 2 }))
  const elected = electLeaders(image, ELECTION_TYPES.PREFERRED, null, policies)
  expect(electionError(elected)).toBe('NONE')
  expect(partitionOf(after(image, elected.records))).toMatchObject({ leader: 1, leaderEpoch: 2, isr: [1, 2] })
})

test('a preferred replica that is not in sync cannot lead', () => {
  const image = applyRecord(cluster(), changeOfPartition(TOPIC, 0, { leader: 2, isr: [2] }))
  const elected = electLeaders(image, ELECTION_TYPES.PREFERRED, [{ topic: 't', partitions: [0] }], policies)
  expect([electionError(elected), elected.records]).toEqual(['PREFERRED_LEADER_NOT_AVAILABLE', []])
})

test('an unclean election takes any replica that is alive, and marks it as recovering', () => {
  const fenced = metadataRecord('BrokerRegistrationChangeRecord', { brokerId: 1, brokerEpoch: 0n, fenced: 1, inControlledShutdown: 0, logDirs: [], cordonedLogDirs: null })
  const image = after(cluster(), [fenced, changeOfPartition(TOPIC, 0, { leader: -1, isr: [1] })])
  const { records } = electLeaders(image, ELECTION_TYPES.UNCLEAN, null, policies)
  expect(partitionOf(after(image, records))).toMatchObject({ leader: 2, isr: [2], leaderRecoveryState: 1 })
})

test('replicas are added first, those that go stay until then, and all of it can be undone', () => {
  const image = cluster()
  const begun = reassignTo(image, [3, 1])
  expect(reassignmentError(begun)).toBe('NONE')
  const moving = after(image, begun.records)
  expect(partitionOf(moving)).toMatchObject({ replicas: [3, 1, 2], addingReplicas: [3], removingReplicas: [2], leader: 1 })
  const back = after(moving, reassignTo(moving, null).records)
  expect(partitionOf(back)).toMatchObject({ replicas: [1, 2], addingReplicas: [], removingReplicas: [], leader: 1, leaderEpoch: 1 })
})

test('replicas that only go do so at once, and one that stays leads', () => {
  const image = cluster()
  expect(partitionOf(after(image, reassignTo(image, [2]).records))).toMatchObject({ replicas: [2], isr: [2], leader: 2, leaderEpoch: 1, removingReplicas: [] })
})

test('the number of replicas stays where it has to', () => {
  const refused = reassignTo(cluster(), [2], false)
  expect([reassignmentError(refused), refused.records]).toEqual(['INVALID_REPLICATION_FACTOR', []])
})
