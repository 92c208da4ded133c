// Writes what share groups give up to their dead-letter queues. Who asks archives the records once that is done, and asks
// again where it was not: nothing is given up for good before it lies in the queue.

import { KafkaError } from '../protocol/error-codes.ts'
import { deadLetterBatches, queueState } from './dead-letters.ts'
import type { DeadLetterQueue, DeadLetterSource, DeadLetterTopic, SourceRecord } from './dead-letters.ts'
import type { RecordToStore } from './share-deps.ts'
import type { DeadLetters } from './share-partition.ts'

export type DeadLetterDeps = {
  /** Null for a group that has no dead-letter queue. */
  queueOf(groupId: string): DeadLetterQueue | null
  topic(name: string): DeadLetterTopic | undefined
  /** Begins to create the topic, as one that takes dead letters. */
  createTopic(name: string): void
  /** Appends one batch; resolves once it is committed. */
  append(topic: string, partition: number, records: RecordToStore[]): Promise<unknown>
  /** Decoded batches from the one that holds `offset`. */
  read(topic: string, partition: number, offset: bigint, maxBytes: number): Promise<{ readonly lastOffset: bigint; readonly records: readonly SourceRecord[] }[]>
  nowMs(): number
}

const READ_SIZE_BYTES = 1024 * 1024

export class DeadLetterWriter {
  readonly #deps: DeadLetterDeps

  constructor(deps: DeadLetterDeps) {
    this.#deps = deps
  }

  hasQueue(groupId: string): boolean {
    return this.#deps.queueOf(groupId) !== null
  }

  /** Null once the records are in the queue, or the group has none; a sentence where they could not be written. */
  async write(source: DeadLetterSource, letters: DeadLetters): Promise<string | null> {
    const queue = this.#deps.queueOf(source.groupId)
    if (queue === null) return null
    const state = queueState(queue, this.#deps.topic(queue.topic))
    if (state.kind === 'unusable') return state.fault
    if (state.kind === 'missing') {
      this.#deps.createTopic(queue.topic)
      return `topic ${queue.topic} is being created`
    }
    try {
      const copies = queue.copiesRecords ? await this.#copies(source, letters) : new Map<number, SourceRecord>()
      const { partitionCount, maxMessageBytes } = state.topic
      for (const batch of deadLetterBatches(source, letters, copies, maxMessageBytes, this.#deps.nowMs())) await this.#deps.append(queue.topic, source.partition % partitionCount, batch)
      return null
    } catch (error) {
      if (error instanceof KafkaError) return `topic ${queue.topic} cannot be written to: ${error.errorName}`
      throw error
    }
  }

  /** Records that retention has taken meanwhile are missing. */
  async #copies({ topic, partition }: DeadLetterSource, { firstOffset, lastOffset }: DeadLetters): Promise<Map<number, SourceRecord>> {
    const copies = new Map<number, SourceRecord>()
    for (let offset = firstOffset; offset <= lastOffset; ) {
      const batches = await this.#deps.read(topic, partition, BigInt(offset), READ_SIZE_BYTES)
      for (const record of batches.flatMap(({ records }) => records)) {
        const at = Number(record.offset)
        if (at >= firstOffset && at <= lastOffset) copies.set(at, record)
      }
      const last = batches.at(-1)
      if (last === undefined) break
      offset = Math.max(Number(last.lastOffset), offset) + 1
    }
    return copies
  }
}
