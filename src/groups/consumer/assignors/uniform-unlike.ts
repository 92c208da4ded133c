// The uniform assignor where members subscribe to different topics: keeps what is still subscribed to, gives what is free
// to the subscriber with least, then moves partitions from subscribers with most to those with least until no move helps.

import type { Uuid } from '../../../shared/uuid.ts'
import type { Assignment } from '../../modern/assignment.ts'
import type { AssignorMember, AssignorTopic } from './assignor.ts'

type Place = { readonly member: AssignorMember; readonly assignment: Map<Uuid, Set<number>>; size: number }
type Topic = { readonly topicId: Uuid; readonly partitionCount: number; readonly subscribers: Place[]; racks(partition: number): readonly string[] }

/** Overlapping subscriptions may need several rounds; each about halves what is uneven. */
const ROUND_COUNT_MAX = 16

export function assignUnlike(members: readonly AssignorMember[], topics: ReadonlyMap<Uuid, AssignorTopic>): Map<string, Assignment> {
  const places = members.map((member): Place => ({ member, assignment: new Map(), size: 0 }))
  const sorted = sortTopics(places, topics)
  for (const topic of sorted) assignFree(topic, keep(topic))
  for (let round = 0; round < ROUND_COUNT_MAX && balance(sorted); round++);
  return new Map(places.map(({ member, assignment }) => [member.memberId, assignment]))
}

/** Topics with most partitions for each subscriber first: they leave the least choice. */
function sortTopics(places: readonly Place[], topics: ReadonlyMap<Uuid, AssignorTopic>): Topic[] {
  const found = new Map<Uuid, Topic>()
  for (const place of places) {
    for (const topicId of place.member.topicIds) {
      const topic = topics.get(topicId)
      if (topic === undefined) continue
      const known = found.get(topicId)
      if (known === undefined) found.set(topicId, { topicId, partitionCount: topic.partitionCount, subscribers: [place], racks: (partition) => topic.racks(partition) })
      else known.subscribers.push(place)
    }
  }
  return [...found.values()].sort((one, other) => {
    const byLoad = other.partitionCount / other.subscribers.length - one.partitionCount / one.subscribers.length
    if (byLoad !== 0) return byLoad
    return one.subscribers.length - other.subscribers.length || (one.topicId < other.topicId ? -1 : 1)
  })
}

/** Leaves subscribers what they have of the topic; returns what nobody has. */
function keep({ topicId, partitionCount, subscribers }: Topic): number[] {
  const free = new Set(Array.from({ length: partitionCount }, (_, partition) => partition))
  for (const place of subscribers) {
    for (const partition of place.member.target.get(topicId) ?? []) if (free.delete(partition)) give(place, topicId, partition)
  }
  return [...free]
}

function assignFree(topic: Topic, free: readonly number[]): void {
  for (const partition of free) {
    let best: Place | undefined
    for (const place of topic.subscribers) {
      const isBetter = best === undefined || place.size < best.size || (place.size === best.size && !isNear(topic, partition, best) && isNear(topic, partition, place))
      if (isBetter) best = place
    }
    if (best !== undefined) give(best, topic.topicId, partition)
  }
}

/** One round over all topics; true where it has moved something. */
function balance(topics: readonly Topic[]): boolean {
  let moved = false
  for (const { topicId, subscribers, partitionCount } of topics) {
    for (let step = 0; step < partitionCount; step++) {
      let least: Place | undefined
      let most: Place | undefined
      for (const place of subscribers) {
        if (least === undefined || place.size < least.size) least = place
        if ((place.assignment.get(topicId)?.size ?? 0) > 0 && (most === undefined || place.size > most.size)) most = place
      }
      if (least === undefined || most === undefined || most.size - least.size <= 1) break
      take(most, topicId, least)
      moved = true
    }
  }
  return moved
}

function take(from: Place, topicId: Uuid, to: Place): void {
  const partitions = from.assignment.get(topicId)
  const partition = partitions === undefined ? undefined : [...partitions].at(-1)
  if (partitions === undefined || partition === undefined) return
  partitions.delete(partition)
  if (partitions.size === 0) from.assignment.delete(topicId)
  from.size--
  give(to, topicId, partition)
}

function isNear(topic: Topic, partition: number, { member }: Place): boolean {
  return member.rackId !== null && topic.racks(partition).includes(member.rackId)
}

function give(place: Place, topicId: Uuid, partition: number): void {
  const known = place.assignment.get(topicId)
  if (known === undefined) place.assignment.set(topicId, new Set([partition]))
  else known.add(partition)
  place.size++
}
