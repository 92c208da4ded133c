import { expect, test } from 'vitest'
import { DirectoryAssignments } from '../../../src/broker/directory-assignments.ts'
import { errorCode, KafkaError } from '../../../src/protocol/error-codes.ts'
import type { ErrorName } from '../../../src/protocol/error-codes.ts'
import { Logging } from '../../../src/shared/logger.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const [T, U, A, B] = ['t', 'u', 'a', 'b'] as Uuid[] as [Uuid, Uuid, Uuid, Uuid]
type Request = { brokerId: number; brokerEpoch: bigint; directories: { id: Uuid; topics: { topicId: Uuid; partitions: { partitionIndex: number }[] }[] }[] }

/** `answer` gives the error of a partition. */
function start(answer: (key: string) => ErrorName | undefined = () => undefined) {
  const clock = new ManualClock()
  const requests: Request[] = []
  const lines: string[] = []
  let fault: Error | undefined
  const call = async (api: string, request: Request) => {
    expect(api).toBe('AssignReplicasToDirs')
    requests.push(request)
    if (fault !== undefined) throw fault
    const partitionsOf = (topicId: Uuid, partitions: { partitionIndex: number }[]) =>
      partitions.map(({ partitionIndex }) => {
        const error = answer(`${topicId}-${partitionIndex}`)
        return { partitionIndex, errorCode: error === undefined ? 0 : errorCode(error) }
      })
    return { errorCode: 0, directories: request.directories.map(({ id, topics }) => ({ id, topics: topics.map(({ topicId, partitions }) => ({ topicId, partitions: partitionsOf(topicId, partitions) })) })) }
  }
  const assignments = new DirectoryAssignments({ nodeId: 3, brokerEpoch: () => 77n, controller: { call: call as never }, timers: clock, logger: new Logging({ write: (line) => lines.push(line) }).logger('broker') })
  return { assignments, requests, clock, lines, fail: (error: Error | undefined) => (fault = error) }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))
/** The partitions of a request, as topic-partition@directory. */
const told = ({ directories }: Request) => directories.flatMap(({ id, topics }) => topics.flatMap(({ topicId, partitions }) => partitions.map(({ partitionIndex }) => `${topicId}-${partitionIndex}@${id}`)))

test('tells together what comes together, by directory and topic', async () => {
  const { assignments, requests } = start()
  assignments.add({ topicId: T, partition: 0, directoryId: A })
  assignments.add({ topicId: T, partition: 1, directoryId: B })
  assignments.add({ topicId: U, partition: 0, directoryId: A })
  assignments.add({ topicId: T, partition: 2, directoryId: A })
  await settled()
  expect(requests).toEqual([
    {
      brokerId: 3,
      brokerEpoch: 77n,
      directories: [
        { id: A, topics: [{ topicId: T, partitions: [{ partitionIndex: 0 }, { partitionIndex: 2 }] }, { topicId: U, partitions: [{ partitionIndex: 0 }] }] },
        { id: B, topics: [{ topicId: T, partitions: [{ partitionIndex: 1 }] }] },
      ],
    },
  ])
})

test('of a replica that has moved on only the last place is told', async () => {
  const { assignments, requests } = start()
  assignments.add({ topicId: T, partition: 0, directoryId: A })
  assignments.add({ topicId: T, partition: 0, directoryId: B })
  await settled()
  expect(requests.map(told)).toEqual([['t-0@b']])
})

test('no request is larger than Kafka takes', async () => {
  const { assignments, requests } = start()
  for (let partition = 0; partition < 5000; partition++) assignments.add({ topicId: T, partition, directoryId: A })
  await settled()
  expect(requests.map((request) => told(request).length)).toEqual([2250, 2250, 500])
})

test.each([
  { error: 'STALE_BROKER_EPOCH', again: true },
  { error: 'UNKNOWN_SERVER_ERROR', again: true },
  { error: 'NOT_LEADER_OR_FOLLOWER', again: false },
  { error: 'UNKNOWN_TOPIC_ID', again: false },
  { error: 'UNKNOWN_TOPIC_OR_PARTITION', again: false },
] as const)('a partition refused with $error is told again: $again', async ({ error, again }) => {
  const { assignments, requests, clock } = start((key) => (key === 't-1' ? error : undefined))
  assignments.add({ topicId: T, partition: 0, directoryId: A })
  assignments.add({ topicId: T, partition: 1, directoryId: A })
  await settled()
  clock.advance(500)
  await settled()
  expect(requests.slice(1).map(told)).toEqual(again ? [['t-1@a']] : [])
})

test('goes on after a controller that did not answer, with what came meanwhile', async () => {
  const { assignments, requests, clock, fail, lines } = start()
  fail(new KafkaError('REQUEST_TIMED_OUT'))
  assignments.add({ topicId: T, partition: 0, directoryId: A })
  await settled()
  expect(lines).toHaveLength(1)
  assignments.add({ topicId: T, partition: 0, directoryId: B })
  assignments.add({ topicId: T, partition: 1, directoryId: A })
  await settled()
  expect(requests).toHaveLength(1)
  fail(undefined)
  clock.advance(500)
  await settled()
  expect(requests.slice(1).map(told)).toEqual([['t-0@b', 't-1@a']])
  assignments.add({ topicId: T, partition: 2, directoryId: A })
  await settled()
  expect(requests.slice(2).map(told)).toEqual([['t-2@a']])
})
