// What goes on while a cluster changes: coordinators that move, partitions that get other replicas, brokers that are
// emptied, voters that come and go, a node that lost its disk.

import { PassThrough } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { run } from '../../src/cli/run.ts'
import { errorName } from '../../src/protocol/error-codes.ts'
import { ZERO_UUID } from '../../src/shared/uuid.ts'
import { ClusterNodes, image, partition } from '../support/cluster-nodes.ts'
import { produce, produceVersion12, readAll, recordBatch } from '../support/produce-fetch.ts'
import { WireClient } from '../support/wire-client.ts'

let cluster: ClusterNodes
const clients: WireClient[] = []
const FEW = { 'offsets.topic.num.partitions': '3', 'transaction.state.log.num.partitions': '3' }

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await cluster.close()
}, 60_000)

async function connect(id: number): Promise<WireClient> {
  const client = await WireClient.connect(cluster.port(id))
  clients.push(client)
  return client
}

const ids = (): number[] => [...cluster.nodes.keys()]
const controllerId = (): number => ids().find((id) => cluster.node(id).isController) as number
const newTopic = (name: string, replicas: number[][]) => ({ topics: [{ name, numPartitions: -1, replicationFactor: -1, assignments: replicas.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })), configs: [] }], timeoutMs: 10_000, validateOnly: false })

/** Asks until the answer counts. */
async function until<T>(ask: () => Promise<T>, counts: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (counts(answer)) return answer
  }
}

/** Who coordinates a group or a transaction, as a broker says. */
async function coordinator(client: WireClient, keyType: 0 | 1, key: string): Promise<number> {
  const found = await until(() => client.call('FindCoordinator', 4, { keyType, coordinatorKeys: [key] } as never), ({ coordinators }) => coordinators[0]?.errorCode === 0)
  return found.coordinators[0]?.nodeId as number
}

async function createTopic(name: string, replicas: number[][]): Promise<void> {
  const client = await connect(ids()[0] as number)
  expect((await client.call('CreateTopics', 7, newTopic(name, replicas))).topics[0]).toMatchObject({ errorCode: 0 })
  for (const id of ids()) await partition(cluster.node(id), name, replicas.length - 1, ({ leader }) => leader >= 0)
}

const RETRIED = new Set(['NOT_COORDINATOR', 'COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE', 'UNSTABLE_OFFSET_COMMIT', 'CONCURRENT_TRANSACTIONS'])

test('offsets are there and a transaction commits where a coordinator moves to, and nobody is ever told another offset', async () => {
  cluster = new ClusterNodes(FEW)
  await cluster.begin([1, 2, 3])
  await createTopic('t', [[1, 2, 3], [2, 3, 1], [3, 1, 2]])
  const first = await connect(1)
  // A group and a transaction with the same coordinator.
  const groupId = 'group'
  const moving = await coordinator(first, 0, groupId)
  let transactionalId = ''
  for (let index = 0; transactionalId === ''; index++) if ((await coordinator(first, 1, `tx-${index}`)) === moving) transactionalId = `tx-${index}`
  const client = await connect(moving)

  const commit = await until(
    () => client.call('OffsetCommit', 8, { groupId, generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null, topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 42n, committedMetadata: 'm' }] }] } as never),
    ({ topics }) => !RETRIED.has(errorName(topics[0]?.partitions[0]?.errorCode ?? 0)),
  )
  expect(commit.topics[0]?.partitions[0]?.errorCode).toBe(0)
  const { producerId, producerEpoch, errorCode } = await until(
    () => client.call('InitProducerId', 4, { transactionalId, transactionTimeoutMs: 60_000, producerId: -1n, producerEpoch: -1 } as never),
    (answer) => !RETRIED.has(errorName(answer.errorCode)),
  )
  expect(errorCode).toBe(0)
  const partitionOfT = [0, 1, 2].find((index) => cluster.node(1).metadata.image.topicsByName.get('t')?.partitions[index]?.leader !== moving) as number
  const leader = cluster.node(1).metadata.image.topicsByName.get('t')?.partitions[partitionOfT]?.leader as number
  const data = await connect(leader)
  expect(await produceVersion12(data, transactionalId, 't', partitionOfT, ['a', 'b'], { producerId, producerEpoch, baseSequence: 0, transactional: true })).toMatchObject({ errorCode: 0 })
  expect((await client.call('AddOffsetsToTxn', 3, { transactionalId, producerId, producerEpoch, groupId })).errorCode).toBe(0)
  const pending = await until(
    () => client.call('TxnOffsetCommit', 3, { transactionalId, groupId, producerId, producerEpoch, generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null, topics: [{ name: 't', partitions: [{ partitionIndex: 1, committedOffset: 7n, committedMetadata: null }] }] } as never),
    ({ topics }) => !RETRIED.has(errorName(topics[0]?.partitions[0]?.errorCode ?? 0)),
  )
  expect(pending.topics[0]?.partitions[0]?.errorCode).toBe(0)

  const others = ids().filter((id) => id !== moving)
  const askers = await Promise.all(others.map(connect))
  const answers = new Set<string>()
  let isOver = false
  // While the coordinator moves, both of the others are asked what was committed, without a pause.
  const asking = (await Promise.all(others.map(connect))).map(async (asker) => {
    while (!isOver) {
      const [group] = (await asker.call('OffsetFetch', 8, { groups: [{ groupId, topics: [{ name: 't', partitionIndexes: [0] }] }], requireStable: false } as never)).groups
      answers.add(group?.errorCode === 0 ? String(group.topics[0]?.partitions[0]?.committedOffset) : errorName(group?.errorCode ?? 0))
    }
  })
  await cluster.stop(moving)
  const now = await until(() => coordinator(askers[0] as WireClient, 0, groupId), (id) => id !== moving)
  const group = askers[others.indexOf(now)] as WireClient
  const fetch = async (index: number, requireStable: boolean) => {
    const answer = (await group.call('OffsetFetch', 8, { groups: [{ groupId, topics: [{ name: 't', partitionIndexes: [index] }] }], requireStable } as never)).groups[0]
    return answer?.errorCode !== 0 ? errorName(answer?.errorCode ?? 0) : answer.topics[0]?.partitions[0]?.errorCode !== 0 ? errorName(answer.topics[0]?.partitions[0]?.errorCode ?? 0) : String(answer.topics[0]?.partitions[0]?.committedOffset)
  }
  expect(await until(() => fetch(0, false), (answer) => !RETRIED.has(answer))).toBe('42')
  isOver = true
  await Promise.all(asking)
  expect([...answers].filter((answer) => answer !== '42' && !RETRIED.has(answer))).toEqual([])
  // What is part of the transaction is not decided yet.
  expect([await fetch(1, true), await fetch(1, false)]).toEqual(['UNSTABLE_OFFSET_COMMIT', '-1'])

  const transactions = askers[others.indexOf(await until(() => coordinator(askers[0] as WireClient, 1, transactionalId), (id) => id !== moving))] as WireClient
  const ended = await until(() => transactions.call('EndTxn', 3, { transactionalId, producerId, producerEpoch, committed: true }), (answer) => !RETRIED.has(errorName(answer.errorCode)))
  expect(ended.errorCode).toBe(0)
  expect(await until(() => fetch(1, true), (answer) => !RETRIED.has(answer))).toBe('7')
  const index = partitionOfT
  const end = await until(
    async () => (await data.call('ListOffsets', 7, { replicaId: -1, isolationLevel: 1, topics: [{ name: 't', partitions: [{ partitionIndex: index, currentLeaderEpoch: -1, timestamp: -1n }] }] } as never)).topics[0]?.partitions[0],
    (answer) => answer?.errorCode === 0 && answer.offset === 3n,
  )
  expect(end?.offset).toBe(3n)
})

test('a partition moves to a fourth broker with all it holds', async () => {
  cluster = new ClusterNodes()
  await cluster.begin([1, 2, 3])
  await createTopic('t', [[1, 2, 3]])
  expect(await produce(await connect(1), 't', 0, recordBatch(['a', 'b', 'c']))).toMatchObject({ errorCode: 0 })
  await cluster.start(4)
  await image(cluster.node(1), ({ brokers }) => (brokers.get(4)?.fenced === false ? true : undefined))
  const client = await connect(2)
  const moved = await client.call('AlterPartitionReassignments', 0, { timeoutMs: 10_000, topics: [{ name: 't', partitions: [{ partitionIndex: 0, replicas: [4, 2] }] }] } as never)
  expect(moved).toMatchObject({ errorCode: 0, responses: [{ partitions: [{ errorCode: 0 }] }] })
  const list = async () => (await client.call('ListPartitionReassignments', 0, { timeoutMs: 10_000, topics: null } as never)).topics
  await until(list, (topics) => topics.length === 0)
  const after = await partition(cluster.node(4), 't', 0, ({ replicas, leader }) => replicas.length === 2 && leader >= 0)
  expect([[...after.replicas], after.addingReplicas, after.removingReplicas, [...after.isr].sort()]).toEqual([[4, 2], [], [], [2, 4]])
  expect([...(await readAll(await connect(after.leader), 't', 0)).values()]).toEqual(['a', 'b', 'c'])
  expect(await produce(await connect(after.leader), 't', 0, recordBatch(['d']))).toEqual({ errorCode: 0, baseOffset: 3n })
})

/** Runs `millrace` and returns what it printed; fails with what it complained of. */
async function millrace(...args: string[]): Promise<string> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const terminal = { stdin: new PassThrough(), stdout, stderr, signal: new AbortController().signal, nowMs: Date.now }
  const code = await run([...args, '--bootstrap-server', `127.0.0.1:${cluster.port(ids()[0] as number)}`], terminal as never)
  expect([code, String(stderr.read() ?? '')]).toEqual([0, ''])
  return String(stdout.read() ?? '')
}

test('a broker is emptied by command, and takes replicas again', async () => {
  cluster = new ClusterNodes({ 'balancer.interval.ms': '1000' })
  await cluster.begin([1, 2, 3])
  await createTopic('t', [[1, 2], [2, 3], [3, 1]])
  expect(await produce(await connect(3), 't', 2, recordBatch(['a']))).toMatchObject({ errorCode: 0 })
  expect(await millrace('cluster', 'drain', '--broker-id', '3', '--wait')).toContain('Broker 3 holds nothing.')
  const { partitions = [] } = cluster.node(1).metadata.image.topicsByName.get('t') ?? {}
  expect(partitions.map(({ replicas }) => [...replicas].sort())).toEqual([[1, 2], [1, 2], [1, 2]])
  const { leader } = await partition(cluster.node(1), 't', 2, (found) => found.leader !== 3 && found.leader >= 0)
  expect([...(await readAll(await connect(leader), 't', 2)).values()]).toEqual(['a'])
  expect(await millrace('cluster', 'undrain', '--broker-id', '3')).toContain('Broker 3 takes replicas again.')
})

/** The voters of the quorum and their directories, as a broker tells. */
async function quorum(client: WireClient): Promise<Map<number, string>> {
  const [topic] = (await client.call('DescribeQuorum', 2, { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] })).topics
  return new Map(topic?.partitions[0]?.currentVoters.map(({ replicaId, replicaDirectoryId }) => [replicaId, replicaDirectoryId]))
}

test('a node that lost its disk comes back as another voter, with all that the others have', async () => {
  cluster = new ClusterNodes({ 'controller.quorum.auto.join.enable': 'true' })
  await cluster.begin([1, 2, 3])
  const wiped = ids().find((id) => id !== controllerId()) as number
  const kept = ids().filter((id) => id !== wiped)
  await createTopic('t', [[...kept, wiped]])
  const client = await connect(controllerId())
  const before = (await until(() => quorum(client), (voters) => [...voters.values()].every((directory) => directory !== ZERO_UUID))).get(wiped)
  await partition(cluster.node(kept[0] as number), 't', 0, ({ isr }) => isr.length === 3)
  await cluster.stop(wiped)
  const { leader } = await partition(cluster.node(kept[0] as number), 't', 0, ({ isr, leader: leads }) => !isr.includes(wiped) && leads >= 0)
  expect(await produce(await connect(leader), 't', 0, recordBatch(['a', 'b']))).toMatchObject({ errorCode: 0 })
  cluster.wipe(wiped)
  // The voter that it was goes, and it is taken in and votes by itself.
  await cluster.start(wiped)
  await until(() => quorum(client), (voters) => voters.has(wiped) && voters.get(wiped) !== before)
  await partition(cluster.node(wiped), 't', 0, ({ isr }) => isr.length === 3)
  expect(cluster.node(wiped).dataPlane.partitionOffsets([{ topic: 't', partition: 0 }])[0]).toMatchObject({ logEndOffset: 2n })
}, 60_000)

test('a voter that is removed goes on as an observer, and may become a voter again', async () => {
  cluster = new ClusterNodes()
  await cluster.begin([1, 2, 3])
  const leaving = ids().find((id) => id !== controllerId()) as number
  const client = await connect(controllerId())
  const { clusterId, config } = cluster.node(leaving)
  const voters = await until(() => quorum(client), (found) => [...found.values()].every((directory) => directory !== ZERO_UUID))
  const voterDirectoryId = voters.get(leaving)
  expect(await client.call('RemoveRaftVoter', 0, { clusterId, voterId: leaving, voterDirectoryId } as never)).toMatchObject({ errorCode: 0 })
  expect([...(await quorum(client)).keys()].sort()).toEqual(ids().filter((id) => id !== leaving).sort())
  await client.call('CreateTopics', 7, newTopic('t', [[leaving]]))
  await partition(cluster.node(leaving), 't', 0, ({ leader }) => leader === leaving)
  const listeners = [{ name: 'CONTROLLER', host: '127.0.0.1', port: Number(config.listeners.controller?.bind.port) }]
  expect(await client.call('AddRaftVoter', 0, { clusterId, timeoutMs: 10_000, voterId: leaving, voterDirectoryId, listeners } as never)).toMatchObject({ errorCode: 0, errorMessage: null })
  expect([...(await quorum(client)).keys()].sort()).toEqual([1, 2, 3])
})
