// The assignor "simple" of share groups (KIP-932): with fewer members than partitions each partition has one member, with
// more of them each has as many as it takes to give every member something. Members keep what they have as far as that
// leaves all within one partition of each other.

import type { Uuid } from '../../shared/uuid.ts'
import type { Assignment } from '../modern/assignment.ts'

export type SharingMember = {
  readonly memberId: string
  /** Topics that exist, by the member's names. */
  readonly topicIds: ReadonlySet<Uuid>
  /** The target it had until now. */
  readonly target: Assignment
}

type Slot = { readonly topicId: Uuid; readonly partition: number; readonly holders: Set<Share> }
type Share = { readonly memberId: string; readonly quota: number; readonly slots: Set<Slot> }

export const SIMPLE_ASSIGNOR_NAME = 'simple'

/** A target for every member. `partitions`: those that may be given out, by topic. */
export function assignShares(members: readonly SharingMember[], partitions: ReadonlyMap<Uuid, ReadonlySet<number>>): Map<string, Assignment> {
  const targets = new Map(members.map(({ memberId }) => [memberId, new Map<Uuid, Set<number>>()]))
  const topicIds = [...new Set(members.flatMap((member) => [...member.topicIds]))]
  // Where all read the same, they are balanced over all topics together; else over each topic by itself.
  const isAlike = members.every((member) => member.topicIds.size === topicIds.length)
  const rounds = isAlike ? [topicIds] : topicIds.map((topicId) => [topicId])
  for (const round of rounds) {
    const readers = members.filter((member) => round.every((topicId) => member.topicIds.has(topicId)))
    for (const { memberId, slots } of share(readers, round, partitions)) {
      const target = targets.get(memberId)
      for (const { topicId, partition } of slots) add(target, topicId, partition)
    }
  }
  return targets
}

function share(members: readonly SharingMember[], topicIds: readonly Uuid[], partitions: ReadonlyMap<Uuid, ReadonlySet<number>>): Share[] {
  const slots = topicIds.flatMap((topicId) => [...(partitions.get(topicId) ?? [])].sort((one, other) => one - other).map((partition): Slot => ({ topicId, partition, holders: new Set() })))
  if (slots.length === 0) return []
  const holdersPerSlot = Math.ceil(members.length / slots.length)
  const total = holdersPerSlot * slots.length
  const upTo = (count: number): number => Math.ceil((total * count) / members.length)
  const shares = members.map(({ memberId }, index): Share => ({ memberId, quota: upTo(index + 1) - upTo(index), slots: new Set() }))
  keep(members, shares, slots, holdersPerSlot)
  fill(shares, slots, holdersPerSlot)
  return shares
}

/** What each had before, up to its quota and to what a partition needs. */
function keep(members: readonly SharingMember[], shares: readonly Share[], slots: readonly Slot[], holdersPerSlot: number): void {
  const known = new Map<Uuid, Map<number, Slot>>()
  for (const slot of slots) {
    const ofTopic = known.get(slot.topicId)
    if (ofTopic === undefined) known.set(slot.topicId, new Map([[slot.partition, slot]]))
    else ofTopic.set(slot.partition, slot)
  }
  for (const [index, share] of shares.entries()) {
    for (const [topicId, partitions] of members[index]?.target ?? []) {
      for (const partition of partitions) {
        if (share.slots.size >= share.quota) break
        const slot = known.get(topicId)?.get(partition)
        if (slot !== undefined && slot.holders.size < holdersPerSlot) give(share, slot)
      }
    }
  }
}

/** What is left goes round those who have not got enough. */
function fill(shares: readonly Share[], slots: readonly Slot[], holdersPerSlot: number): void {
  const waiting = shares.filter(({ slots: has, quota }) => has.size < quota)
  let next = 0
  // Partitions that nobody has go first: those that too few have may find only members that have them already.
  for (const least of [1, holdersPerSlot]) {
    for (const slot of slots) {
      for (let left = waiting.length - next; left > 0 && slot.holders.size < least; left--) {
        const share = waiting[next++] as Share
        if (!slot.holders.has(share)) give(share, slot)
        if (share.slots.size < share.quota) waiting.push(share)
      }
    }
  }
}

function give(share: Share, slot: Slot): void {
  share.slots.add(slot)
  slot.holders.add(share)
}

function add(target: Map<Uuid, Set<number>> | undefined, topicId: Uuid, partition: number): void {
  const known = target?.get(topicId)
  if (known === undefined) target?.set(topicId, new Set([partition]))
  else known.add(partition)
}
