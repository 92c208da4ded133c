// Share sessions (KIP-932): what a member reads from this broker, so that its requests name only what has changed. Each
// request carries the session's next epoch; one that carries another is out of step.

import type { ErrorName } from '../protocol/error-codes.ts'
import type { Uuid } from '../shared/uuid.ts'

export type SessionPartition = { readonly topicId: Uuid; readonly partition: number }

export type ShareSession = {
  readonly groupId: string
  readonly memberId: string
  /** In the order in which they are read next, by name. */
  readonly partitions: Map<string, SessionPartition>
  nextEpoch: number
}

export const INITIAL_EPOCH = 0
export const FINAL_EPOCH = -1
const EPOCH_MAX = 2_147_483_647

export function partitionName({ topicId, partition }: SessionPartition): string {
  return `${topicId}:${partition}`
}

export class ShareSessions {
  readonly #sessions = new Map<string, ShareSession>()
  readonly #sessionsMax: number

  constructor(sessionsMax: number) {
    this.#sessionsMax = sessionsMax
  }

  /** The session of a request with this epoch, which then expects the next one; an error's name where it is out of step. */
  use(groupId: string, memberId: string, epoch: number): ShareSession | ErrorName {
    const name = nameOf(groupId, memberId)
    const session = this.#sessions.get(name)
    if (epoch === INITIAL_EPOCH) {
      if (session === undefined && this.#sessions.size >= this.#sessionsMax) return 'SHARE_SESSION_LIMIT_REACHED'
      const fresh: ShareSession = { groupId, memberId, partitions: new Map(), nextEpoch: 1 }
      this.#sessions.set(name, fresh)
      return fresh
    }
    if (session === undefined) return 'SHARE_SESSION_NOT_FOUND'
    if (epoch === FINAL_EPOCH) return session
    if (epoch !== session.nextEpoch) return 'INVALID_SHARE_SESSION_EPOCH'
    session.nextEpoch = epoch === EPOCH_MAX ? 1 : epoch + 1
    return session
  }

  end({ groupId, memberId }: ShareSession): void {
    this.#sessions.delete(nameOf(groupId, memberId))
  }

  /** Whether any session of the group reads the partition. */
  isRead(groupId: string, partition: SessionPartition): boolean {
    const name = partitionName(partition)
    for (const session of this.#sessions.values()) if (session.groupId === groupId && session.partitions.has(name)) return true
    return false
  }
}

/** Changes what a session reads; what it reads already keeps its place. */
export function updateSession(session: ShareSession, added: readonly SessionPartition[], forgotten: readonly SessionPartition[]): void {
  for (const partition of added) session.partitions.set(partitionName(partition), partition)
  for (const partition of forgotten) session.partitions.delete(partitionName(partition))
}

/** What was just read is read last next time. */
export function moveToEnd(session: ShareSession, partition: SessionPartition): void {
  const name = partitionName(partition)
  if (session.partitions.delete(name)) session.partitions.set(name, partition)
}

/** Group ids may hold any character; a member id holds none of this one. */
function nameOf(groupId: string, memberId: string): string {
  return `${memberId}\n${groupId}`
}
