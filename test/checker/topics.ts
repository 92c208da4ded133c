// The topics of a workload, made before it and read as a whole after it.

import type { BrokerAddress } from '../support/cluster-client.ts'
import { ClusterClient } from '../support/cluster-client.ts'
import { COPIES, EVENTS, PARTITION_COUNT, after, recorder } from './clients/setting.ts'
import { poll } from './log-reader.ts'

export const TOPICS = [EVENTS, COPIES]
const TOPIC_ALREADY_EXISTS = 36
const CREATE_MS = 60_000
/** Longer than the time-out of a transaction that a killed client left open. */
const ALL_ENDED_MS = 30_000
/** Brokers are well by now; each may still need some time to know who leads. */
const READ_MS = 60_000
const REPLICA_READ_MS = 20_000

export async function createTopics(bootstrap: readonly BrokerAddress[], replicationFactor: number, configs: Readonly<Record<string, string>> = {}): Promise<void> {
  const client = new ClusterClient(bootstrap)
  const topics = TOPICS.map((name) => ({ name, numPartitions: PARTITION_COUNT, replicationFactor, configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })) }))
  await retrying(client, CREATE_MS, async () => {
    const answer = await (await client.any()).call('CreateTopics', 5, { topics, timeoutMs: 10_000 })
    const failed = answer.topics.find(({ errorCode }) => errorCode !== 0 && errorCode !== TOPIC_ALREADY_EXISTS)
    if (failed !== undefined) throw new Error(`topic ${failed.name} could not be made: ${failed.errorCode} ${failed.errorMessage ?? ''}`)
  })
  client.close()
}

/** Records what every partition holds; the partitions where some transaction does not end. */
export async function readEverything(bootstrap: readonly BrokerAddress[], dir: string): Promise<string[]> {
  const record = recorder(dir, 'final')
  const client = new ClusterClient(bootstrap)
  const hanging: string[] = []
  for (const topic of TOPICS) {
    for (let partition = 0; partition < PARTITION_COUNT; partition++) {
      const read = (offset: bigint, committed: boolean) => retrying(client, READ_MS, async () => poll(await client.leader(topic, partition), topic, partition, offset, committed))
      const deadlineMs = performance.now() + ALL_ENDED_MS
      for (;;) {
        const { lastStableOffset, highWatermark } = await read(0n, true)
        if (lastStableOffset === highWatermark) break
        if (performance.now() > deadlineMs) {
          hanging.push(`${topic}-${partition}: last stable offset ${lastStableOffset}, high watermark ${highWatermark}`)
          break
        }
        await after(200)
      }
      for (const committed of [false, true]) {
        const records: [number, string][] = []
        for (let offset = 0n; ; ) {
          const polled = await read(offset, committed)
          records.push(...polled.records)
          if (polled.nextOffset === offset) break
          offset = polled.nextOffset
        }
        record({ type: 'final', committed, topic, partition, records })
      }
    }
  }
  client.close()
  return hanging
}

/**
 * Records what each broker's own replica holds, up to the high watermark of the leader; the partitions of which a replica
 * cannot be read, and why. Kafka lets consumers fetch from any replica in sync (KIP-392).
 */
export async function readReplicas(brokers: ReadonlyMap<number, BrokerAddress>, dir: string): Promise<string[]> {
  const record = recorder(dir, 'replicas')
  const leaders = new ClusterClient([...brokers.values()])
  const unread: string[] = []
  for (const [broker, address] of brokers) {
    const client = new ClusterClient([address])
    for (const topic of TOPICS) {
      for (let partition = 0; partition < PARTITION_COUNT; partition++) {
        const { highWatermark } = await retrying(leaders, READ_MS, async () => poll(await leaders.leader(topic, partition), topic, partition, 0n, false))
        const records: [number, string][] = []
        try {
          for (let offset = 0n; offset < highWatermark; ) {
            const polled = await retrying(client, REPLICA_READ_MS, async () => {
              const read = await poll(await client.any(), topic, partition, offset, false)
              if (read.nextOffset === offset) throw new Error(`nothing at offset ${offset}, the leader's high watermark is ${highWatermark}`)
              return read
            })
            records.push(...polled.records)
            offset = polled.nextOffset
          }
          record({ type: 'replica', broker, topic, partition, records })
        } catch (error) {
          unread.push(`replica of ${topic}-${partition} on broker ${broker}: ${(error as Error).message}`)
        }
      }
    }
    client.close()
  }
  leaders.close()
  return unread
}

async function retrying<T>(client: ClusterClient, timeoutMs: number, ask: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (performance.now() > deadlineMs) throw error
      client.forget()
      await after(100)
    }
  }
}
