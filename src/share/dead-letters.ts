// Dead-letter queues of share groups (KIP-1191): whether a group's queue can be written to, and the records that go there.
// Pure: what the group, the broker and the queue's topic say comes in.

import type { RecordToStore } from './share-deps.ts'
import type { DeadLetters } from './share-partition.ts'

/** What decides about a group's dead-letter queue. */
export type DeadLetterQueue = {
  /** `errors.deadletterqueue.topic.name` of the group. */
  readonly topic: string
  /** `errors.deadletterqueue.copy.record.enable` of the group: key and value go along, not only where they are. */
  readonly copiesRecords: boolean
  /** `errors.deadletterqueue.topic.name.prefix` of the broker. */
  readonly topicPrefix: string
  /** `errors.deadletterqueue.auto.create.topics.enable` of the broker. */
  readonly createsTopics: boolean
}

/** The topic of a queue as it is; `isEnabled` is its `errors.deadletterqueue.group.enable`. */
export type DeadLetterTopic = { readonly partitionCount: number; readonly isEnabled: boolean; readonly maxMessageBytes: number }

/** Where the records come from. */
export type DeadLetterSource = { readonly groupId: string; readonly topic: string; readonly partition: number }
export type SourceRecord = { readonly offset: bigint; readonly key: Uint8Array | null; readonly value: Uint8Array | null }

export type QueueState =
  | { readonly kind: 'ready'; readonly topic: DeadLetterTopic }
  /** It is to be created, and can be written to afterwards. */
  | { readonly kind: 'missing' }
  /** It takes nothing until somebody changes what the sentence says. */
  | { readonly kind: 'unusable'; readonly fault: string }

const CAUSES = { rejected: 'Offset rejected by client.', deliveryCountExceeded: 'Offset delivery count exceeded the threshold.' } as const
const BATCH_OVERHEAD_BYTES = 61
/** Lengths, deltas and counts of a record and its headers, at most. */
const RECORD_OVERHEAD_BYTES = 120

export function queueState({ topic: name, topicPrefix, createsTopics }: DeadLetterQueue, topic: DeadLetterTopic | undefined): QueueState {
  const unusable = (fault: string): QueueState => ({ kind: 'unusable', fault })
  if (name.startsWith('__')) return unusable(`topic ${name} is internal: set errors.deadletterqueue.topic.name of the group to another`)
  if (!name.startsWith(topicPrefix)) return unusable(`the name ${name} does not begin with errors.deadletterqueue.topic.name.prefix (${topicPrefix})`)
  if (topic === undefined) return createsTopics ? { kind: 'missing' } : unusable(`topic ${name} does not exist: create it with errors.deadletterqueue.group.enable=true`)
  if (!topic.isEnabled) return unusable(`topic ${name} takes no dead letters: set errors.deadletterqueue.group.enable=true on it`)
  return { kind: 'ready', topic }
}

/** One record for each offset, in batches that the topic takes; a record that is too large alone goes without key and value. */
export function deadLetterBatches(source: DeadLetterSource, letters: DeadLetters, copies: ReadonlyMap<number, SourceRecord>, maxMessageBytes: number, nowMs: number): RecordToStore[][] {
  const batches: RecordToStore[][] = []
  let left = 0
  for (let offset = letters.firstOffset; offset <= letters.lastOffset; offset++) {
    const headers = headersOf(source, letters, offset)
    const copy = copies.get(offset)
    const headerBytes = headers.reduce((sum, { key, value }) => sum + key.length + value.length, RECORD_OVERHEAD_BYTES)
    const copyBytes = (copy?.key?.length ?? 0) + (copy?.value?.length ?? 0)
    const isTooLarge = BATCH_OVERHEAD_BYTES + headerBytes + copyBytes > maxMessageBytes
    const record = { key: isTooLarge ? null : (copy?.key ?? null), value: isTooLarge ? null : (copy?.value ?? null), timestampMs: nowMs, headers }
    const size = headerBytes + (isTooLarge ? 0 : copyBytes)
    const batch = batches.at(-1)
    if (batch === undefined || size > left) {
      batches.push([record])
      left = maxMessageBytes - BATCH_OVERHEAD_BYTES - size
    } else {
      batch.push(record)
      left -= size
    }
  }
  return batches
}

function headersOf({ groupId, topic, partition }: DeadLetterSource, { deliveryCount, cause }: DeadLetters, offset: number): { key: string; value: Uint8Array }[] {
  const values = {
    '__dlq.errors.topic': topic,
    '__dlq.errors.partition': partition,
    '__dlq.errors.offset': offset,
    '__dlq.errors.group': groupId,
    '__dlq.errors.delivery.count': deliveryCount,
    '__dlq.errors.message': CAUSES[cause],
  }
  return Object.entries(values).map(([key, value]) => ({ key, value: Buffer.from(String(value)) }))
}
