// How large partitions are, asked of the brokers that hold them. A broker that does not answer is passed over: a size that
// is not known only makes a plan less good.

import type { DescribeLogDirsResponse } from '../protocol/messages.ts'
import type { BrokerCaller } from './api.ts'

/** Sizes by broker, then by `partitionKey`; a broker that did not answer is absent. */
export type PartitionSizes = ReadonlyMap<number, ReadonlyMap<string, number>>

export function partitionKey(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

export async function collectPartitionSizes(caller: BrokerCaller, brokerIds: readonly number[]): Promise<PartitionSizes> {
  const answers = await Promise.allSettled(brokerIds.map((id) => caller.callBroker(id, 'DescribeLogDirs', { topics: null })))
  const sizes = new Map<number, ReadonlyMap<string, number>>()
  for (const [index, answer] of answers.entries()) if (answer.status === 'fulfilled' && answer.value.errorCode === 0) sizes.set(brokerIds[index] ?? -1, sizesOf(answer.value))
  return sizes
}

/** The largest replica stands for the partition: the others are on their way there. */
export function largestReplica(sizes: PartitionSizes): (topic: string, partition: number) => number {
  const largest = new Map<string, number>()
  for (const held of sizes.values()) for (const [key, bytes] of held) largest.set(key, Math.max(bytes, largest.get(key) ?? 0))
  return (topic, partition) => largest.get(partitionKey(topic, partition)) ?? 0
}

function sizesOf({ results }: DescribeLogDirsResponse): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const { topics } of results) {
    for (const { name, partitions } of topics) {
      for (const { partitionIndex, partitionSize, isFutureKey } of partitions) if (!isFutureKey) sizes.set(partitionKey(name, partitionIndex), Number(partitionSize))
    }
  }
  return sizes
}
