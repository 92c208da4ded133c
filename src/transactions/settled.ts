// Waiting, for a moment, until no transaction of an id is being completed. Where Kafka would make a client back off and
// ask again (CONCURRENT_TRANSACTIONS), a short wait on the broker spares the round trip (as KIP-890 does for produce).

import type { Timers } from '../shared/timers.ts'

export const SETTLE_WAIT_MAX_MS = 100

export class SettleWaits {
  readonly #timers: Timers
  readonly #isBusy: (transactionalId: string) => boolean
  readonly #waiting = new Map<string, (() => void)[]>()

  constructor(timers: Timers, isBusy: (transactionalId: string) => boolean) {
    this.#timers = timers
    this.#isBusy = isBusy
  }

  /** Resolves once the id is at rest, or after `SETTLE_WAIT_MAX_MS`. */
  wait(transactionalId: string): Promise<void> {
    if (!this.#isBusy(transactionalId)) return Promise.resolve()
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(transactionalId)
      if (waiting !== undefined) {
        waiting.push(resolve)
        return
      }
      this.#waiting.set(transactionalId, [resolve])
      this.#timers.set(timerKey(transactionalId), SETTLE_WAIT_MAX_MS, () => this.#release(transactionalId))
    })
  }

  /** The id is at rest. */
  onSettled(transactionalId: string): void {
    if (this.#waiting.has(transactionalId)) this.#release(transactionalId)
  }

  #release(transactionalId: string): void {
    this.#timers.cancel(timerKey(transactionalId))
    const waiting = this.#waiting.get(transactionalId) ?? []
    this.#waiting.delete(transactionalId)
    for (const resolve of waiting) resolve()
  }
}

function timerKey(transactionalId: string): string {
  return `transaction-settles-${transactionalId}`
}
