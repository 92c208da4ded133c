import { expect, test } from 'vitest'
import { IsrProposals } from '../../../src/broker/isr-proposals.ts'
import type { IsrProposal } from '../../../src/broker/isr-proposals.ts'
import { errorCode, KafkaError } from '../../../src/protocol/error-codes.ts'
import type { ErrorName } from '../../../src/protocol/error-codes.ts'
import { Logging } from '../../../src/shared/logger.ts'
import { idOf } from '../../support/cluster-images.ts'
import { FakeDataPlane } from '../../support/fake-data-plane.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const proposal = (topic: string, partition: number, change: Partial<IsrProposal> = {}): IsrProposal => ({
  kind: 'isrProposed', topic, topicId: idOf(topic), partition, leaderEpoch: 5, partitionEpoch: 7, isr: [{ brokerId: 1, brokerEpoch: 100 }, { brokerId: 2, brokerEpoch: 200 }], recovered: false, ...change,
})

type Outcome = { whole?: ErrorName; thrown?: ErrorName; of?: (key: string) => ErrorName | undefined }

function start(outcome: () => Outcome = () => ({})) {
  const clock = new ManualClock()
  const dataPlane = new FakeDataPlane()
  const requests: { brokerEpoch: bigint; topics: { topicId: string; partitions: { partitionIndex: number; newIsrWithEpochs: object[] }[] }[] }[] = []
  const held: (() => void)[] = []
  let holds = false
  const call = async (_api: string, request: (typeof requests)[number]) => {
    requests.push(request)
    if (holds) await new Promise<void>((resolve) => held.push(resolve))
    const { whole, thrown, of } = outcome()
    if (thrown !== undefined) throw new KafkaError(thrown)
    const topics = request.topics.map(({ topicId, partitions }) => ({ topicId, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: codeOf(of?.(`${topicId}:${partitionIndex}`)) })) }))
    return { errorCode: codeOf(whole), topics }
  }
  const proposals = new IsrProposals({ nodeId: 1, brokerEpoch: () => 100n, controller: { call: call as never }, dataPlane, timers: clock, logger: new Logging({ write: () => undefined }).logger('broker') })
  return { proposals, requests, clock, dataPlane, hold: () => (holds = true), release: () => ((holds = false), held.splice(0).forEach((resolve) => resolve())) }
}

const codeOf = (name: ErrorName | undefined): number => (name === undefined ? 0 : errorCode(name))
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('what is proposed together goes together, with the epochs it was decided on', async () => {
  const { proposals, requests, clock, dataPlane } = start()
  proposals.add(proposal('t', 0))
  proposals.add(proposal('t', 2))
  proposals.add(proposal('u', 0, { leaderEpoch: 9, partitionEpoch: 11, isr: [{ brokerId: 1, brokerEpoch: 100 }] }))
  await settled()
  const of = (partitionIndex: number, leaderEpoch: number, partitionEpoch: number, brokers: [number, bigint][]) => ({
    partitionIndex, leaderEpoch, partitionEpoch, newIsr: [], leaderRecoveryState: 0, newIsrWithEpochs: brokers.map(([brokerId, brokerEpoch]) => ({ brokerId, brokerEpoch })),
  })
  const both: [number, bigint][] = [[1, 100n], [2, 200n]]
  expect(requests).toEqual([{ brokerId: 1, brokerEpoch: 100n, topics: [{ topicId: idOf('t'), partitions: [of(0, 5, 7, both), of(2, 5, 7, both)] }, { topicId: idOf('u'), partitions: [of(0, 9, 11, [[1, 100n]])] }] }])
  clock.advance(1000)
  // What is accepted comes back as metadata.
  expect(dataPlane.settledIsrs).toEqual([])
})

test('what comes while a request is out goes with the next', async () => {
  const { proposals, requests, hold, release } = start()
  hold()
  proposals.add(proposal('t', 0))
  await settled()
  proposals.add(proposal('t', 1))
  proposals.add(proposal('t', 2))
  await settled()
  expect(requests).toHaveLength(1)
  release()
  await settled()
  expect(requests.map(({ topics }) => topics[0]?.partitions.map(({ partitionIndex }) => partitionIndex))).toEqual([[0], [1, 2]])
})

test.each([
  { case: 'one partition is refused', outcome: { of: (key: string) => (key === `${idOf('t')}:1` ? 'INELIGIBLE_REPLICA' : undefined) } as Outcome, settledPartitions: [1] },
  { case: 'the whole is refused', outcome: { whole: 'STALE_BROKER_EPOCH' } as Outcome, settledPartitions: [0, 1] },
  { case: 'the controller cannot be reached', outcome: { thrown: 'REQUEST_TIMED_OUT' } as Outcome, settledPartitions: [0, 1] },
])('where $case the data plane may propose again after a moment', async ({ outcome, settledPartitions }) => {
  const { proposals, clock, dataPlane } = start(() => outcome)
  proposals.add(proposal('t', 0))
  proposals.add(proposal('t', 1))
  await settled()
  expect(dataPlane.settledIsrs).toEqual([])
  clock.advance(50)
  expect(dataPlane.settledIsrs).toEqual(settledPartitions.map((partition) => ({ topic: 't', partition, leaderEpoch: 5, partitionEpoch: 7 })))
})

test('two refusals of one partition in a row are both told', async () => {
  const { proposals, clock, dataPlane } = start(() => ({ thrown: 'REQUEST_TIMED_OUT' }))
  proposals.add(proposal('t', 0))
  proposals.add(proposal('t', 1))
  await settled()
  proposals.add(proposal('t', 0, { partitionEpoch: 8 }))
  await settled()
  clock.advance(100)
  expect(dataPlane.settledIsrs.map(({ partition, partitionEpoch }) => [partition, partitionEpoch])).toEqual([[0, 7], [1, 7], [0, 8]])
})
