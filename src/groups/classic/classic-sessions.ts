// Ends the sessions of members that are not heard of. A heartbeat only moves a number: the member's timer looks at it
// when it runs, and sleeps again for what is left.

import type { Timers } from '../../shared/timers.ts'
import type { ClassicGroup } from './classic-group.ts'
import type { ClassicMember } from './classic-member.ts'

export type ClassicSessionsDeps = {
  readonly timers: Timers
  monotonicMs(): number
  /** The session of a member, or of an id that was given out but not joined with, has ended. */
  onExpired(groupId: string, memberId: string): void
}

export class ClassicSessions {
  readonly #deps: ClassicSessionsDeps

  constructor(deps: ClassicSessionsDeps) {
    this.#deps = deps
  }

  /** Something was heard of the member: its session lasts another `timeoutMs`. */
  extend(group: ClassicGroup, member: ClassicMember, timeoutMs: number = member.sessionTimeoutMs): void {
    const nowMs = this.#deps.monotonicMs()
    member.sessionEndsAtMs = nowMs + timeoutMs
    if (member.timerFiresAtMs > member.sessionEndsAtMs) this.#arm(group.groupId, member, timeoutMs)
  }

  /** Gives whoever got this id `timeoutMs` to join with it. */
  awaitJoin(group: ClassicGroup, memberId: string, timeoutMs: number): void {
    this.#deps.timers.set(keyOf(group.groupId, memberId), timeoutMs, () => this.#deps.onExpired(group.groupId, memberId))
  }

  cancel(group: ClassicGroup, memberId: string): void {
    this.#deps.timers.cancel(keyOf(group.groupId, memberId))
    const member = group.members.get(memberId)
    if (member !== undefined) member.timerFiresAtMs = Infinity
  }

  #arm(groupId: string, member: ClassicMember, delayMs: number): void {
    member.timerFiresAtMs = this.#deps.monotonicMs() + delayMs
    this.#deps.timers.set(keyOf(groupId, member.memberId), delayMs, () => {
      member.timerFiresAtMs = Infinity
      const leftMs = member.sessionEndsAtMs - this.#deps.monotonicMs()
      if (leftMs > 0) this.#arm(groupId, member, leftMs)
      else this.#deps.onExpired(groupId, member.memberId)
    })
  }
}

function keyOf(groupId: string, memberId: string): string {
  return `session-${groupId}-${memberId}`
}
