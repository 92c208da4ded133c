// One member of a classic group: what it told when it joined, and the requests of it that wait for an answer.

import type { Encodable, ResponseOf } from '../../protocol/api-keys.ts'

export type JoinResponse = Encodable<ResponseOf<'JoinGroup'>>
export type SyncResponse = Encodable<ResponseOf<'SyncGroup'>>

/** An assignment strategy the member can follow, with its subscription in that strategy's form. */
export type MemberProtocol = { readonly name: string; readonly metadata: Uint8Array }

export type ClassicMemberOptions = {
  memberId: string
  groupInstanceId: string | null
  clientId: string
  clientHost: string
  rebalanceTimeoutMs: number
  sessionTimeoutMs: number
  protocols: readonly MemberProtocol[]
  assignment?: Uint8Array
}

export const NO_ASSIGNMENT = new Uint8Array(0)

export class ClassicMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  rebalanceTimeoutMs: number
  sessionTimeoutMs: number
  protocols: readonly MemberProtocol[]
  assignment: Uint8Array
  /** Until its first join is answered: such a member cannot send heartbeats yet. */
  isNew = false
  /** Monotonic time at which the session ends unless something is heard of the member. */
  sessionEndsAtMs = Infinity
  /** When the session's timer runs next; never later than `sessionEndsAtMs`. Infinity while there is none. */
  timerFiresAtMs = Infinity
  awaitingSync: ((response: SyncResponse) => void) | null = null
  /** Changed by the group alone, which counts those that wait. */
  awaitingJoin: ((response: JoinResponse) => void) | null = null

  constructor(options: ClassicMemberOptions) {
    this.memberId = options.memberId
    this.groupInstanceId = options.groupInstanceId
    this.clientId = options.clientId
    this.clientHost = options.clientHost
    this.rebalanceTimeoutMs = options.rebalanceTimeoutMs
    this.sessionTimeoutMs = options.sessionTimeoutMs
    this.protocols = options.protocols
    this.assignment = options.assignment ?? NO_ASSIGNMENT
  }

  metadata(protocolName: string | null): Uint8Array {
    return this.protocols.find((protocol) => protocol.name === protocolName)?.metadata ?? NO_ASSIGNMENT
  }

  /** Whether it could follow exactly these protocols, with the same metadata, in the same order. */
  hasProtocols(protocols: readonly MemberProtocol[]): boolean {
    return this.protocols.length === protocols.length && this.protocols.every(({ name, metadata }, index) => {
      const other = protocols[index]
      return other !== undefined && other.name === name && Buffer.compare(metadata, other.metadata) === 0
    })
  }

  /** The first of its protocols that is among the candidates. */
  vote(candidates: ReadonlySet<string>): string | undefined {
    return this.protocols.find(({ name }) => candidates.has(name))?.name
  }

  /** A parked request says that the member lives, except a new member's, which may have gone away unseen. */
  satisfiesHeartbeat(): boolean {
    return !this.isNew && (this.awaitingJoin !== null || this.awaitingSync !== null)
  }

  answerSync(response: SyncResponse): boolean {
    const answer = this.awaitingSync
    this.awaitingSync = null
    answer?.(response)
    return answer !== null
  }
}
