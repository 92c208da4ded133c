// What a server-side assignor sees and says. It decides from its input alone and for the whole group at once.

import type { Uuid } from '../../../shared/uuid.ts'
import type { Assignment } from '../../modern/assignment.ts'

export type AssignorMember = {
  readonly memberId: string
  readonly instanceId: string | null
  readonly rackId: string | null
  /** Topics that exist, by the member's names and regular expression. */
  readonly topicIds: ReadonlySet<Uuid>
  /** The target it had until now. */
  readonly target: Assignment
}

export type AssignorTopic = {
  readonly partitionCount: number
  racks(partition: number): readonly string[]
}

export interface Assignor {
  readonly name: string
  /** A target for every member; what `topics` does not have is never asked for. */
  assign(members: readonly AssignorMember[], topics: ReadonlyMap<Uuid, AssignorTopic>): Map<string, Assignment>
}

export function isHomogeneous(members: readonly AssignorMember[]): boolean {
  const first = members[0]?.topicIds
  return first === undefined || members.every(({ topicIds }) => topicIds.size === first.size && [...topicIds].every((topicId) => first.has(topicId)))
}
