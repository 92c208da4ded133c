// Brokers that are a cluster, on the real data plane and over real connections.

import { afterEach, expect, test } from 'vitest'
import { ClusterNodes, image, partition } from '../support/cluster-nodes.ts'
import { produce, recordBatch } from '../support/produce-fetch.ts'
import { WireClient } from '../support/wire-client.ts'

let cluster: ClusterNodes
const clients: WireClient[] = []

// All stop together, so that the last ones find no controller to hand over to.
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await cluster.close()
}, 60_000)

async function connect(id: number): Promise<WireClient> {
  const client = await WireClient.connect(cluster.port(id))
  clients.push(client)
  return client
}

/** Any node but the controller. */
function otherThanController(): number {
  const ids = [...cluster.nodes.keys()]
  return ids.find((id) => !cluster.node(id).isController) as number
}

function controllerId(): number {
  return [...cluster.nodes.keys()].find((id) => cluster.node(id).isController) as number
}

const topic = (name: string) => ({ topics: [{ name, numPartitions: 3, replicationFactor: 3, assignments: [], configs: [{ name: 'min.insync.replicas', value: '2' }] }], timeoutMs: 10_000, validateOnly: false })

test('three brokers find each other, and one that is not the controller takes in what is the controller\'s', async () => {
  cluster = new ClusterNodes()
  await cluster.begin([1, 2, 3])
  const asked = otherThanController()
  const client = await connect(asked)
  expect((await client.call('CreateTopics', 7, topic('t'))).topics).toMatchObject([{ name: 't', errorCode: 0, replicationFactor: 3 }])
  for (const node of cluster.nodes.values()) await partition(node, 't', 2, ({ isr }) => isr.length === 3)
  const { brokers } = await client.call('DescribeCluster', 1, {})
  expect(brokers.map(({ brokerId, port }) => [brokerId, port]).sort()).toEqual([1, 2, 3].map((id) => [id, cluster.port(id)]))
  const [quorum] = (await client.call('DescribeQuorum', 2, { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] })).topics
  expect(quorum?.partitions[0]).toMatchObject({ errorCode: 0, leaderId: controllerId() })
  expect(quorum?.partitions[0]?.currentVoters.map(({ replicaId }) => replicaId).sort()).toEqual([1, 2, 3])
  expect((await client.call('CreateTopics', 7, topic('t'))).topics[0]).toMatchObject({ errorCode: 36, errorMessage: "Topic 't' already exists." })
})

test('what is acknowledged by all in sync is with each of them, and is served by another when the leader stops', async () => {
  cluster = new ClusterNodes()
  await cluster.begin([1, 2, 3])
  const admin = await connect(otherThanController())
  await admin.call('CreateTopics', 7, topic('t'))
  const before = await partition(cluster.node(controllerId()), 't', 0, ({ isr }) => isr.length === 3)
  const leading = before.leader
  await partition(cluster.node(leading), 't', 0, ({ leader }) => leader === leading)
  expect(await produce(await connect(leading), 't', 0, recordBatch(['a', 'b']))).toEqual({ errorCode: 0, baseOffset: 0n })
  await cluster.stop(leading)
  const [survivor = 0] = [...cluster.nodes.keys()]
  const after = await partition(cluster.node(survivor), 't', 0, ({ leader, isr }) => leader !== leading && leader >= 0 && !isr.includes(leading))
  expect(after.leaderEpoch).toBeGreaterThan(before.leaderEpoch)
  const next = await connect(after.leader)
  expect(await produce(next, 't', 0, recordBatch(['c']))).toEqual({ errorCode: 0, baseOffset: 2n })
  // It comes back, catches up and is in sync again.
  await cluster.start(leading)
  await partition(cluster.node(after.leader), 't', 0, ({ isr }) => isr.length === 3)
  expect(cluster.node(leading).dataPlane.partitionOffsets([{ topic: 't', partition: 0 }])[0]).toMatchObject({ logEndOffset: 3n })
})

test('a fourth broker joins by the address of one that is there, without a vote until it is given one', async () => {
  cluster = new ClusterNodes()
  await cluster.begin([1])
  const added = await cluster.start(2)
  await image(cluster.node(1), ({ brokers }) => (brokers.get(2)?.fenced === false ? true : undefined))
  expect(added.clusterId).toBe(cluster.node(1).clusterId)
  const client = await connect(2)
  const described = async () => (await client.call('DescribeQuorum', 2, { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] })).topics[0]?.partitions[0]
  const { observers = [], currentVoters } = (await described()) ?? {}
  expect([observers.map(({ replicaId }) => replicaId), currentVoters?.map(({ replicaId }) => replicaId)]).toEqual([[2], [1]])
  const listeners = [{ name: 'CONTROLLER', host: '127.0.0.1', port: Number(added.config.listeners.controller?.bind.port) }]
  const voter = { clusterId: added.clusterId, timeoutMs: 10_000, voterId: 2, voterDirectoryId: observers[0]?.replicaDirectoryId, listeners }
  expect(await client.call('AddRaftVoter', 0, voter as never)).toMatchObject({ errorCode: 0 })
  expect((await described())?.currentVoters.map(({ replicaId }) => replicaId).sort()).toEqual([1, 2])
})
