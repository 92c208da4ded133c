// Timers of members of modern groups: the session, which every heartbeat extends, and deadlines for what a member was
// told to do. A heartbeat only moves a number: the session's timer looks at it when it runs, and sleeps for what is left.

import type { Timers } from '../../shared/timers.ts'

type Session = { endsAtMs: number; firesAtMs: number }

export class MemberTimers {
  readonly #timers: Timers
  readonly #monotonicMs: () => number
  readonly #sessions = new Map<string, Session>()
  readonly #deadlines = new Map<string, Set<string>>()

  constructor(timers: Timers, monotonicMs: () => number) {
    this.#timers = timers
    this.#monotonicMs = monotonicMs
  }

  /** The member's session lasts another `timeoutMs`, then `onExpired` runs. */
  extendSession(groupId: string, memberId: string, timeoutMs: number, onExpired: () => void): void {
    const key = keyOf(groupId, memberId)
    const endsAtMs = this.#monotonicMs() + timeoutMs
    const session = this.#sessions.get(key)
    if (session === undefined) {
      const created = { endsAtMs, firesAtMs: Infinity }
      this.#sessions.set(key, created)
      this.#arm(key, created, timeoutMs, onExpired)
      return
    }
    session.endsAtMs = endsAtMs
    if (session.firesAtMs > endsAtMs) this.#arm(key, session, timeoutMs, onExpired)
  }

  /** `run` after `delayMs` unless it is cancelled; one set under the same name before is forgotten. */
  setDeadline(name: string, groupId: string, memberId: string, delayMs: number, run: () => void): void {
    const key = keyOf(groupId, memberId)
    const names = this.#deadlines.get(key)
    if (names === undefined) this.#deadlines.set(key, new Set([name]))
    else names.add(name)
    this.#timers.set(`${name}-${key}`, delayMs, () => {
      this.#forget(name, key)
      run()
    })
  }

  hasDeadline(name: string, groupId: string, memberId: string): boolean {
    return this.#deadlines.get(keyOf(groupId, memberId))?.has(name) ?? false
  }

  cancelDeadline(name: string, groupId: string, memberId: string): void {
    const key = keyOf(groupId, memberId)
    this.#timers.cancel(`${name}-${key}`)
    this.#forget(name, key)
  }

  /** The member is gone. */
  cancel(groupId: string, memberId: string): void {
    const key = keyOf(groupId, memberId)
    this.#sessions.delete(key)
    this.#timers.cancel(`session-${key}`)
    for (const name of this.#deadlines.get(key) ?? []) this.#timers.cancel(`${name}-${key}`)
    this.#deadlines.delete(key)
  }

  #forget(name: string, key: string): void {
    const names = this.#deadlines.get(key)
    if (names?.delete(name) === true && names.size === 0) this.#deadlines.delete(key)
  }

  #arm(key: string, session: Session, delayMs: number, onExpired: () => void): void {
    session.firesAtMs = this.#monotonicMs() + delayMs
    this.#timers.set(`session-${key}`, delayMs, () => {
      session.firesAtMs = Infinity
      const leftMs = session.endsAtMs - this.#monotonicMs()
      if (leftMs > 0) this.#arm(key, session, leftMs, onExpired)
      else {
        this.#sessions.delete(key)
        onExpired()
      }
    })
  }
}

function keyOf(groupId: string, memberId: string): string {
  return `${groupId}-${memberId}`
}
