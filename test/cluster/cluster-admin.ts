// What a harness asks of a cluster as an admin client does. Everything is tried again until its time is over: brokers may
// just be changing who leads.

import type { BrokerAddress } from '../support/cluster-client.ts'
import { ClusterClient } from '../support/cluster-client.ts'
import type { WireClient } from '../support/wire-client.ts'

export type PartitionView = { readonly topic: string; readonly partition: number; readonly leader: number; readonly replicas: readonly number[]; readonly isr: readonly number[] }

const TOPIC_ALREADY_EXISTS = 36
const ELECTION_NOT_NEEDED = 84
const LATEST = -1n
const ASK_AGAIN_MS = 100

export class ClusterAdmin {
  readonly #client: ClusterClient

  constructor(bootstrap: readonly BrokerAddress[], timeoutMs?: number) {
    this.#client = new ClusterClient(bootstrap, timeoutMs)
  }

  /** All partitions of these topics, of all topics for null. */
  partitions(topics: readonly string[] | null, timeoutMs = 60_000): Promise<PartitionView[]> {
    return this.#retrying(timeoutMs, async (client) => {
      const answer = await client.call('Metadata', 9, { topics: topics?.map((name) => ({ name })) ?? null, allowAutoTopicCreation: false })
      return answer.topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, leaderId, replicaNodes, isrNodes }) => ({ topic: name ?? '', partition: partitionIndex, leader: leaderId, replicas: replicaNodes, isr: isrNodes })),
      )
    })
  }

  async createTopic(name: string, partitionCount: number, timeoutMs = 120_000): Promise<void> {
    await this.#retrying(timeoutMs, async (client) => {
      const answer = await client.call('CreateTopics', 5, { topics: [{ name, numPartitions: partitionCount, replicationFactor: -1 }], timeoutMs: 60_000 })
      const { errorCode = -1, errorMessage = '' } = answer.topics[0] ?? {}
      if (errorCode !== 0 && errorCode !== TOPIC_ALREADY_EXISTS) throw new Error(`topic ${name} could not be made: ${errorCode} ${errorMessage}`)
    })
  }

  /** Gives every partition of all topics back to its preferred leader. */
  async electPreferred(): Promise<void> {
    await this.#retrying(60_000, async (client) => {
      const answer = await client.call('ElectLeaders', 2, { electionType: 0, topicPartitions: null, timeoutMs: 30_000 })
      const failed = answer.replicaElectionResults.flatMap(({ partitionResult }) => partitionResult).find(({ errorCode }) => errorCode !== 0 && errorCode !== ELECTION_NOT_NEEDED)
      if (answer.errorCode !== 0 || failed !== undefined) throw new Error(`the election failed with ${answer.errorCode || failed?.errorCode}`)
    })
  }

  /** Starts moving all replicas that `from` holds to `to`. */
  async move(from: number, to: number): Promise<number> {
    const moved = (await this.partitions(null)).filter(({ replicas }) => replicas.includes(from))
    const topics = [...new Set(moved.map(({ topic }) => topic))].map((name) => ({
      name,
      partitions: moved.filter(({ topic }) => topic === name).map(({ partition, replicas }) => ({ partitionIndex: partition, replicas: replicas.map((each) => (each === from ? to : each)) })),
    }))
    await this.#retrying(60_000, async (client) => {
      const answer = await client.call('AlterPartitionReassignments', 0, { topics, timeoutMs: 30_000 })
      const failed = answer.responses.flatMap(({ partitions }) => partitions).find(({ errorCode }) => errorCode !== 0)
      if (answer.errorCode !== 0 || failed !== undefined) throw new Error(`the reassignment was refused with ${answer.errorCode || failed?.errorCode} ${answer.errorMessage ?? failed?.errorMessage ?? ''}`)
    })
    return moved.length
  }

  /** Partitions that are still being moved. */
  reassigning(): Promise<number> {
    return this.#retrying(60_000, async (client) => {
      const answer = await client.call('ListPartitionReassignments', 0, { topics: null, timeoutMs: 30_000 })
      if (answer.errorCode !== 0) throw new Error(`listing reassignments failed with ${answer.errorCode}`)
      return answer.topics.reduce((sum, { partitions }) => sum + partitions.length, 0)
    })
  }

  async unregister(brokerId: number): Promise<void> {
    await this.#retrying(60_000, async (client) => {
      const { errorCode, errorMessage } = await client.call('UnregisterBroker', 0, { brokerId })
      if (errorCode !== 0) throw new Error(`broker ${brokerId} could not be unregistered: ${errorCode} ${errorMessage ?? ''}`)
    })
  }

  close(): void {
    this.#client.close()
  }

  async #retrying<T>(timeoutMs: number, ask: (client: WireClient) => Promise<T>): Promise<T> {
    const deadlineMs = performance.now() + timeoutMs
    for (;;) {
      try {
        return await ask(await this.#client.any())
      } catch (error) {
        if (performance.now() > deadlineMs) throw error
        this.#client.forget()
        await after(ASK_AGAIN_MS)
      }
    }
  }
}

/** Waits until all replicas of these topics (null for all) are in sync; what is not, once the time is over. */
export async function untilInSync(bootstrap: readonly BrokerAddress[], topics: readonly string[] | null, timeoutMs: number): Promise<string[]> {
  const deadlineMs = performance.now() + timeoutMs
  const admin = new ClusterAdmin(bootstrap)
  try {
    for (;;) {
      const missing = (await admin.partitions(topics, timeoutMs)).filter(({ leader, isr, replicas }) => leader < 0 || isr.length < replicas.length)
      if (missing.length === 0) return []
      if (performance.now() > deadlineMs) return missing.map(({ topic, partition, leader, isr, replicas }) => `${topic}-${partition}: leader ${leader}, in sync ${isr.join(' ')} of ${replicas.join(' ')}`)
      await after(ASK_AGAIN_MS)
    }
  } finally {
    admin.close()
  }
}

/**
 * Waits until every partition has a leader (not `dead`) that says itself where its log ends: brokers name a leader before
 * that one serves. Topics are asked for one after the other, each until it is served as a whole.
 */
export async function untilServed(bootstrap: readonly BrokerAddress[], topics: readonly string[], timeoutMs: number, dead = -1): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  const client = new ClusterClient(bootstrap, timeoutMs)
  for (const topic of topics) {
    for (;;) {
      const missing = await unserved(client, topic, dead).catch((error: unknown) => {
        client.forget()
        return (error as Error).message
      })
      if (missing === null) break
      if (performance.now() > deadlineMs) throw new Error(`${topic} is not served after ${timeoutMs / 1_000} s: ${missing}`)
      await after(ASK_AGAIN_MS)
    }
  }
  client.close()
}

async function unserved(client: ClusterClient, topic: string, dead: number): Promise<string | null> {
  const { brokers, topics } = await (await client.any()).call('Metadata', 9, { topics: [{ name: topic }], allowAutoTopicCreation: false })
  const partitions = topics[0]?.partitions ?? []
  const leaderless = partitions.filter(({ leaderId }) => leaderId < 0 || leaderId === dead).length
  if (partitions.length === 0 || leaderless > 0) return `${leaderless} of ${partitions.length} partitions have no leader`
  for (const broker of brokers) {
    const led = partitions.filter(({ leaderId }) => leaderId === broker.nodeId).map(({ partitionIndex }) => ({ partitionIndex, timestamp: LATEST }))
    if (led.length === 0) continue
    const leader = await client.broker(broker)
    const answer = await leader.call('ListOffsets', 5, { replicaId: -1, topics: [{ name: topic, partitions: led }] })
    const refused = answer.topics.flatMap((each) => each.partitions).filter(({ errorCode }) => errorCode !== 0)
    if (refused.length > 0) return `broker ${broker.nodeId} refuses ${refused.length} of ${led.length} partitions, the first with ${refused[0]?.errorCode}`
  }
  return null
}

/** The only waiting here: between two looks at a cluster that changes. */
function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
