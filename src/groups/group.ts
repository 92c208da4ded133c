// What every kind of group has in common for the APIs that do not care about its kind.

import type { CoordinatorRecord } from '../coordinator/coordinator-shard.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { CommittedOffset } from './offsets/offset-store.ts'

export type GroupType = 'classic' | 'consumer' | 'streams' | 'share'

/** Who commits offsets: a member with its generation or epoch, or (-1, '') nobody that the group knows. */
export type Committer = {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationIdOrMemberEpoch: number
  readonly transactional: boolean
  readonly apiVersion: number
}

export interface Group {
  readonly type: GroupType
  readonly groupId: string
  /** The state's name as `ListGroups` gives it. */
  readonly state: string
  /** '' where no member has ever joined. */
  readonly protocolType: string
  isEmpty(): boolean
  /** `committed` are the partitions that offsets are to be committed for. */
  validateOffsetCommit(committer: Committer, committed: readonly { readonly topicId: Uuid; readonly topic: string; readonly partition: number }[]): ErrorName
  validateOffsetFetch(memberId: string, memberEpoch: number): ErrorName
  validateOffsetDelete(): ErrorName
  validateDelete(): ErrorName
  isSubscribedToTopic(topic: string): boolean
  /** From when on the retention of an offset counts, in ms since the epoch; null while it does not count. */
  retentionStartMs(offset: CommittedOffset): number | null
  /** What removes the group itself, without its offsets, from the log. */
  tombstones(): CoordinatorRecord[]
}
