// Committed offsets of one partition of `__consumer_offsets`: those that count, and those of open transactions. Changed
// by replay alone.

import type { Uuid } from '../../shared/uuid.ts'

export type CommittedOffset = {
  readonly offset: bigint
  /** -1 for unknown. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestampMs: number
  /** -1 for none: then `offsets.retention.minutes` decides. Set by OffsetCommit up to version 4. */
  readonly expireTimestampMs: number
  /** Zero where the record did not say. */
  readonly topicId: Uuid
  /** Where in the log the commit stands: of several, the last one counts, however its transaction ends. */
  readonly recordOffset: bigint
}

type TopicOffsets = Map<number, CommittedOffset>
export type GroupOffsets = Map<string, TopicOffsets>

/** Offsets by group, topic and partition; no empty inner map is ever kept. */
class Offsets {
  readonly groups = new Map<string, GroupOffsets>()

  get(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.groups.get(groupId)?.get(topic)?.get(partition)
  }

  put(groupId: string, topic: string, partition: number, offset: CommittedOffset): void {
    let topics = this.groups.get(groupId)
    if (topics === undefined) this.groups.set(groupId, (topics = new Map()))
    let partitions = topics.get(topic)
    if (partitions === undefined) topics.set(topic, (partitions = new Map()))
    partitions.set(partition, offset)
  }

  remove(groupId: string, topic: string, partition: number): void {
    const topics = this.groups.get(groupId)
    const partitions = topics?.get(topic)
    if (topics === undefined || partitions === undefined || !partitions.delete(partition)) return
    if (partitions.size === 0) topics.delete(topic)
    if (topics.size === 0) this.groups.delete(groupId)
  }
}

export class OffsetStore {
  readonly #committed = new Offsets()
  readonly #pendingByProducer = new Map<bigint, Offsets>()
  readonly #openProducersByGroup = new Map<string, Set<bigint>>()

  get(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#committed.get(groupId, topic, partition)
  }

  /** All that count of one group. */
  ofGroup(groupId: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> | undefined {
    return this.#committed.groups.get(groupId)
  }

  /** Whether anything of the group is here, open transactions included. */
  hasGroup(groupId: string): boolean {
    return this.#committed.groups.has(groupId) || this.#openProducersByGroup.has(groupId)
  }

  groupIds(): Iterable<string> {
    return this.#committed.groups.keys()
  }

  hasOpenTransaction(groupId: string): boolean {
    return this.#openProducersByGroup.has(groupId)
  }

  hasPending(groupId: string, topic: string, partition: number): boolean {
    const producers = this.#openProducersByGroup.get(groupId)
    if (producers === undefined) return false
    for (const producerId of producers) {
      if (this.#pendingByProducer.get(producerId)?.get(groupId, topic, partition) !== undefined) return true
    }
    return false
  }

  /** Everything of the group that a deletion has to write a tombstone for: [topic, partition], each once. */
  allPartitions(groupId: string): [string, number][] {
    const found = new Map<string, [string, number]>()
    const pending = [...(this.#openProducersByGroup.get(groupId) ?? [])].map((producerId) => this.#pendingByProducer.get(producerId))
    for (const offsets of [this.#committed, ...pending]) {
      for (const [topic, partitions] of offsets?.groups.get(groupId) ?? []) {
        for (const partition of partitions.keys()) found.set(`${topic}-${partition}`, [topic, partition])
      }
    }
    return [...found.values()]
  }

  /** Groups with an offset or a pending one of this topic, and the partitions. */
  partitionsOfTopic(topic: string): [string, number[]][] {
    const found = new Map<string, Set<number>>()
    for (const offsets of [this.#committed, ...this.#pendingByProducer.values()]) {
      for (const [groupId, topics] of offsets.groups) {
        for (const partition of topics.get(topic)?.keys() ?? []) {
          const partitions = found.get(groupId)
          if (partitions === undefined) found.set(groupId, new Set([partition]))
          else partitions.add(partition)
        }
      }
    }
    return [...found].map(([groupId, partitions]) => [groupId, [...partitions]])
  }

  replayCommit(producerId: bigint, groupId: string, topic: string, partition: number, offset: CommittedOffset): void {
    if (producerId === -1n) {
      this.#committed.put(groupId, topic, partition, offset)
      return
    }
    let pending = this.#pendingByProducer.get(producerId)
    if (pending === undefined) this.#pendingByProducer.set(producerId, (pending = new Offsets()))
    pending.put(groupId, topic, partition, offset)
    const producers = this.#openProducersByGroup.get(groupId)
    if (producers === undefined) this.#openProducersByGroup.set(groupId, new Set([producerId]))
    else producers.add(producerId)
  }

  /** A tombstone also takes what open transactions hold for the partition. */
  replayTombstone(groupId: string, topic: string, partition: number): void {
    this.#committed.remove(groupId, topic, partition)
    for (const producerId of this.#openProducersByGroup.get(groupId) ?? []) {
      this.#pendingByProducer.get(producerId)?.remove(groupId, topic, partition)
    }
  }

  /** The end of a transaction. Of a transactional and a plain commit the one further on in the log stays. */
  replayMarker(producerId: bigint, commit: boolean): void {
    const pending = this.#pendingByProducer.get(producerId)
    this.#pendingByProducer.delete(producerId)
    for (const [groupId, producers] of this.#openProducersByGroup) {
      if (producers.delete(producerId) && producers.size === 0) this.#openProducersByGroup.delete(groupId)
    }
    if (!commit || pending === undefined) return
    for (const [groupId, topics] of pending.groups) {
      for (const [topic, partitions] of topics) {
        for (const [partition, offset] of partitions) {
          const existing = this.#committed.get(groupId, topic, partition)
          if (existing === undefined || offset.recordOffset > existing.recordOffset) this.#committed.put(groupId, topic, partition, offset)
        }
      }
    }
  }
}
