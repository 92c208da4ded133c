// Requests to one node on their way: those that wait for the connection or for room, and those under way. Order is that of
// arrival throughout. Decides only; what is sent and when is the channel's to carry out.

export type QueueLimits = {
  /** Requests under way; and bytes of them, above which no further one sets out (a single larger one still does). */
  readonly inFlightMax: number
  readonly inFlightMaxBytes: number
  /** Requests that wait; beyond it new ones are refused. */
  readonly waitingMax: number
}

export class RequestQueue<T> {
  readonly #limits: QueueLimits
  readonly #waiting = new Set<T>()
  readonly #inFlight = new Map<T, number>()
  /** The sum of `#inFlight`'s sizes. */
  #inFlightBytes = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0
  }

  /** False where as many wait as may. */
  offer(request: T): boolean {
    if (this.#waiting.size >= this.#limits.waitingMax) return false
    this.#waiting.add(request)
    return true
  }

  /** The request that may set out now, if any; it waits no longer, and is under way once `sent` is told its size. */
  next(): T | undefined {
    if (this.#inFlight.size >= this.#limits.inFlightMax || this.#inFlightBytes >= this.#limits.inFlightMaxBytes) return undefined
    for (const request of this.#waiting) {
      this.#waiting.delete(request)
      return request
    }
    return undefined
  }

  sent(request: T, sizeBytes: number): void {
    this.#inFlight.set(request, sizeBytes)
    this.#inFlightBytes += sizeBytes
  }

  /** The request has had its outcome, or is wanted no more. False where it was not here. */
  remove(request: T): boolean {
    const sizeBytes = this.#inFlight.get(request)
    if (sizeBytes === undefined) return this.#waiting.delete(request)
    this.#inFlight.delete(request)
    this.#inFlightBytes -= sizeBytes
    return true
  }

  /** Everything that waits, in order; nothing waits any more. */
  takeWaiting(): T[] {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    return waiting
  }
}
