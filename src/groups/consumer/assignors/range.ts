// Gives each member a range of every topic it subscribes to, in the order of instance and member ids: topics with the same
// number of partitions and the same members come out alike, so that their partitions of one number meet in one member.

import type { Uuid } from '../../../shared/uuid.ts'
import type { Assignment } from '../../modern/assignment.ts'
import type { Assignor, AssignorMember, AssignorTopic } from './assignor.ts'

type Shares = { readonly partitionCount: number; memberCount: number; given: number; nextPartition: number }

export const RANGE_ASSIGNOR: Assignor = {
  name: 'range',
  assign(members: readonly AssignorMember[], topics: ReadonlyMap<Uuid, AssignorTopic>): Map<string, Assignment> {
    const shares = new Map<Uuid, Shares>()
    for (const { topicIds } of members) {
      for (const topicId of topicIds) {
        const known = shares.get(topicId)
        if (known === undefined) shares.set(topicId, { partitionCount: topics.get(topicId)?.partitionCount ?? 0, memberCount: 1, given: 0, nextPartition: 0 })
        else known.memberCount++
      }
    }
    return new Map([...members].sort(inOrder).map(({ memberId, topicIds }) => {
      const assignment = new Map<Uuid, Set<number>>()
      for (const topicId of topicIds) {
        const share = shares.get(topicId)
        const partitions = share === undefined ? [] : takeRange(share)
        if (partitions.length > 0) assignment.set(topicId, new Set(partitions))
      }
      return [memberId, assignment]
    }))
  },
}

/** The first members get one partition more where they do not come out even. */
function takeRange(share: Shares): number[] {
  const { partitionCount, memberCount } = share
  const size = Math.floor(partitionCount / memberCount) + (share.given < partitionCount % memberCount ? 1 : 0)
  const start = share.nextPartition
  share.given++
  share.nextPartition += size
  return Array.from({ length: size }, (_, index) => start + index)
}

/** Static members first: their ids outlive a restart, and with them their ranges. */
function inOrder(one: AssignorMember, other: AssignorMember): number {
  if (one.instanceId !== null && other.instanceId !== null) return compare(one.instanceId, other.instanceId)
  if (one.instanceId !== null) return -1
  if (other.instanceId !== null) return 1
  return compare(one.memberId, other.memberId)
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
