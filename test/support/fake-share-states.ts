// A share coordinator in memory: what it was told, and failures on demand.

import type { DeleteShareResults, DeleteShareTopics, InitializeShareResults, InitializeShareTopics, ReadShareSummaryResults, ReadShareSummaryTopics, ShareStates } from '../../src/groups/share/share-states.ts'
import type { ErrorName } from '../../src/protocol/error-codes.ts'
import { errorCode } from '../../src/protocol/error-codes.ts'

export type FakeShareState = { stateEpoch: number; startOffset: bigint; deliveryCompleteCount: number }

export class FakeShareStates implements ShareStates {
  /** By group id, topic id and partition. */
  readonly states = new Map<string, FakeShareState>()
  /** The error of every partition asked about from now on. */
  failing: ErrorName = 'NONE'
  /** Partitions that fail alone. */
  readonly failingPartitions = new Map<number, ErrorName>()
  /** Answers wait while this is set. */
  held: Promise<void> | null = null
  readonly calls: string[] = []

  static key(groupId: string, topicId: string, partition: number): string {
    return `${groupId}:${topicId}:${partition}`
  }

  async initialize(groupId: string, topics: InitializeShareTopics): Promise<InitializeShareResults> {
    await this.#called('initialize', topics)
    return topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map(({ partition, stateEpoch, startOffset }) => {
        const error = this.#error(partition)
        if (error === 'NONE') this.states.set(FakeShareStates.key(groupId, topicId, partition), { stateEpoch, startOffset, deliveryCompleteCount: startOffset === -1n ? -1 : 0 })
        return { partition, errorCode: errorCode(error), errorMessage: null }
      }),
    }))
  }

  async delete(groupId: string, topics: DeleteShareTopics): Promise<DeleteShareResults> {
    await this.#called('delete', topics)
    return topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map(({ partition }) => {
        const error = this.#error(partition)
        if (error === 'NONE') this.states.delete(FakeShareStates.key(groupId, topicId, partition))
        return { partition, errorCode: errorCode(error), errorMessage: null }
      }),
    }))
  }

  async readSummary(groupId: string, topics: ReadShareSummaryTopics): Promise<ReadShareSummaryResults> {
    await this.#called('readSummary', topics)
    return topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map(({ partition }) => {
        const { stateEpoch, startOffset, deliveryCompleteCount } = this.states.get(FakeShareStates.key(groupId, topicId, partition)) ?? { stateEpoch: 0, startOffset: -1n, deliveryCompleteCount: -1 }
        return { partition, errorCode: errorCode(this.#error(partition)), errorMessage: null, stateEpoch, leaderEpoch: 0, startOffset, deliveryCompleteCount }
      }),
    }))
  }

  async #called(name: string, topics: readonly { readonly partitions: readonly object[] }[]): Promise<void> {
    this.calls.push(`${name} ${topics.reduce((count, { partitions }) => count + partitions.length, 0)}`)
    if (this.held !== null) await this.held
  }

  #error(partition: number): ErrorName {
    return this.failingPartitions.get(partition) ?? this.failing
  }
}
