// What the active controller remembers of brokers and writes nowhere: when each was heard, and how far it has read the
// metadata. A controller that takes over knows nothing of it, so every broker then has a whole session to be heard in.
// Times are of a clock that never jumps.

import type { BrokerImage, ClusterImage } from '../cluster-image.ts'

type Session = {
  readonly epoch: bigint
  /** When the session began or the broker was last heard. */
  heardMs: number
  /** Whether the broker itself was heard, by this controller. */
  isHeard: boolean
  metadataOffset: bigint
  controlledShutdownOffset: bigint
}

const NONE = -1n
const EVERY_OFFSET = 9_223_372_036_854_775_807n

export class BrokerSessions {
  readonly #timeoutMs: number
  #sessions = new Map<number, Session>()

  /** `timeoutMs` is `broker.session.timeout.ms`. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** Forgets all, and gives every registered broker a session from now on. */
  begin(image: ClusterImage, now: number): void {
    this.#sessions = new Map()
    for (const broker of image.brokers.values()) this.#open(broker, now)
  }

  /** Keeps to the brokers that are registered: another epoch is another session. */
  follow(brokers: Iterable<readonly [number, BrokerImage | undefined]>, now: number): void {
    for (const [id, broker] of brokers) {
      if (broker === undefined) this.#sessions.delete(id)
      else if (this.#sessions.get(id)?.epoch !== broker.epoch) this.#open(broker, now)
      // A broker that is fenced is done with its shutdown; what it says next begins anew.
      else if (broker.fenced) (this.#sessions.get(id) as Session).controlledShutdownOffset = NONE
    }
  }

  /** A broker was heard; one of another epoch than the session's is not the one that counts. */
  hear(brokerId: number, brokerEpoch: bigint, metadataOffset: bigint, now: number): void {
    const session = this.#sessions.get(brokerId)
    if (session?.epoch !== brokerEpoch) return
    session.heardMs = now
    session.isHeard = true
    session.metadataOffset = metadataOffset
  }

  /** The controller itself was away for so long, and heard nobody for that. */
  postpone(gapMs: number, now: number): void {
    for (const session of this.#sessions.values()) session.heardMs = Math.min(now, session.heardMs + gapMs)
  }

  /** The broker was told that it may stop, and is not waited for. */
  end(brokerId: number): void {
    const session = this.#sessions.get(brokerId)
    if (session !== undefined) session.isHeard = false
  }

  /** The broker's leaderships were all told to others at this offset; the first such offset stays. */
  beginShutdown(brokerId: number, offset: bigint): void {
    const session = this.#sessions.get(brokerId)
    if (session !== undefined && session.controlledShutdownOffset === NONE) session.controlledShutdownOffset = offset
  }

  controlledShutdownOffset(brokerId: number): bigint {
    return this.#sessions.get(brokerId)?.controlledShutdownOffset ?? NONE
  }

  /** Whether the process of that id was heard within a session time-out. */
  isAlive(brokerId: number, now: number): boolean {
    const session = this.#sessions.get(brokerId)
    return session !== undefined && session.isHeard && !this.#isExpired(session, now)
  }

  /** Whether nothing was heard of the broker for so long that it counts as failed. */
  hasExpired(brokerId: number, now: number): boolean {
    const session = this.#sessions.get(brokerId)
    return session !== undefined && this.#isExpired(session, now)
  }

  /** The metadata offset that every broker has reached that is neither fenced nor shutting down. */
  lowestActiveOffset(image: ClusterImage): bigint {
    let lowest = EVERY_OFFSET
    for (const broker of image.brokers.values()) {
      if (broker.fenced || broker.inControlledShutdown) continue
      const offset = this.#sessions.get(broker.id)?.metadataOffset ?? NONE
      if (offset < lowest) lowest = offset
    }
    return lowest
  }

  #open({ id, epoch }: BrokerImage, now: number): void {
    this.#sessions.set(id, { epoch, heardMs: now, isHeard: false, metadataOffset: NONE, controlledShutdownOffset: NONE })
  }

  #isExpired({ heardMs }: Session, now: number): boolean {
    return now - heardMs > this.#timeoutMs
  }
}
