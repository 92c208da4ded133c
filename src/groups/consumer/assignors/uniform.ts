// Spreads partitions so that no member has more than one more than another, and moves as few as that allows. Among
// equally good places a partition goes to a member in a rack that holds it (KIP-881).

import type { Uuid } from '../../../shared/uuid.ts'
import type { Assignment } from '../../modern/assignment.ts'
import type { Assignor, AssignorMember, AssignorTopic } from './assignor.ts'
import { isHomogeneous } from './assignor.ts'
import { assignUnlike } from './uniform-unlike.ts'

type Partition = { readonly topicId: Uuid; readonly partition: number }
type Place = { readonly member: AssignorMember; readonly assignment: Map<Uuid, Set<number>>; size: number; quota: number }

export const UNIFORM_ASSIGNOR: Assignor = {
  name: 'uniform',
  assign(members: readonly AssignorMember[], topics: ReadonlyMap<Uuid, AssignorTopic>): Map<string, Assignment> {
    return isHomogeneous(members) ? assignAlike(members, topics) : assignUnlike(members, topics)
  },
}

/** All members subscribe to the same topics. */
function assignAlike(members: readonly AssignorMember[], topics: ReadonlyMap<Uuid, AssignorTopic>): Map<string, Assignment> {
  const topicIds = members[0]?.topicIds ?? new Set<Uuid>()
  let partitionCount = 0
  for (const topicId of topicIds) partitionCount += topics.get(topicId)?.partitionCount ?? 0
  const places = members.map((member): Place => ({ member, assignment: new Map(), size: 0, quota: Math.floor(partitionCount / members.length) }))
  giveExtras(places, partitionCount % Math.max(1, members.length), topicIds)
  const taken = keep(places, topicIds, topics)
  const free: Partition[] = []
  for (const topicId of topicIds) {
    for (let partition = 0; partition < (topics.get(topicId)?.partitionCount ?? 0); partition++) {
      if (taken.get(topicId)?.has(partition) !== true) free.push({ topicId, partition })
    }
  }
  distribute(free, places.filter(({ size, quota }) => size < quota), topics)
  return new Map(places.map(({ member, assignment }) => [member.memberId, assignment]))
}

/** The places for one partition more go to those who have most already: they would have to give one up otherwise. */
function giveExtras(places: Place[], extraCount: number, topicIds: ReadonlySet<Uuid>): void {
  const had = (place: Place): number => {
    let count = 0
    for (const [topicId, partitions] of place.member.target) if (topicIds.has(topicId)) count += partitions.size
    return count
  }
  const byCount = places.map((place) => ({ place, count: had(place) })).sort((one, other) => other.count - one.count)
  for (const { place } of byCount.slice(0, extraCount)) place.quota++
}

/** Leaves members what they have, up to their quota. */
function keep(places: Place[], topicIds: ReadonlySet<Uuid>, topics: ReadonlyMap<Uuid, AssignorTopic>): Map<Uuid, Set<number>> {
  const taken = new Map<Uuid, Set<number>>()
  for (const place of places) {
    for (const [topicId, partitions] of place.member.target) {
      const count = topics.get(topicId)?.partitionCount ?? 0
      if (!topicIds.has(topicId)) continue
      for (const partition of partitions) {
        if (place.size >= place.quota) break
        if (partition >= count || taken.get(topicId)?.has(partition) === true) continue
        add(taken, topicId, partition)
        add(place.assignment, topicId, partition)
        place.size++
      }
    }
  }
  return taken
}

function distribute(free: readonly Partition[], unfilled: Place[], topics: ReadonlyMap<Uuid, AssignorTopic>): void {
  const left = unfilled.some(({ member }) => member.rackId !== null) ? placeByRack(free, unfilled, topics) : free
  let index = 0
  for (const place of unfilled) {
    for (; place.size < place.quota && index < left.length; index++) {
      const next = left[index]
      if (next !== undefined) give(place, next)
    }
  }
}

/** Partitions that find a member in one of their racks go there; the others are left. */
function placeByRack(free: readonly Partition[], unfilled: readonly Place[], topics: ReadonlyMap<Uuid, AssignorTopic>): Partition[] {
  const byRack = new Map<string, Place[]>()
  for (const place of unfilled) {
    const { rackId } = place.member
    if (rackId !== null) byRack.set(rackId, [...(byRack.get(rackId) ?? []), place])
  }
  return free.filter((each) => {
    const racks = topics.get(each.topicId)?.racks(each.partition) ?? []
    const place = racks.flatMap((rack) => byRack.get(rack) ?? []).find(({ size, quota }) => size < quota)
    if (place !== undefined) give(place, each)
    return place === undefined
  })
}

function give(place: Place, { topicId, partition }: Partition): void {
  add(place.assignment, topicId, partition)
  place.size++
}

function add(partitions: Map<Uuid, Set<number>>, topicId: Uuid, partition: number): void {
  const known = partitions.get(topicId)
  if (known === undefined) partitions.set(topicId, new Set([partition]))
  else known.add(partition)
}
