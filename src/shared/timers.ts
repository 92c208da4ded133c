// Named timers: setting a key again replaces what it held, so that an owner never has to keep handles.

export interface Timers {
  /** Runs `run` once after `delayMs`; a timer set under the same key before is forgotten. */
  set(key: string, delayMs: number, run: () => void): void
  /** Forgets the timer of that key, if there is one. */
  cancel(key: string): void
}

/** Node sets a longer timer to 1 ms; ours then waits in several steps. */
const DELAY_MAX_MS = 2 ** 31 - 1

/** Timers of the event loop. They do not keep the process alive, and `close` forgets them all. */
export class SystemTimers implements Timers {
  readonly #handles = new Map<string, NodeJS.Timeout>()
  #closed = false

  set(key: string, delayMs: number, run: () => void): void {
    this.cancel(key)
    if (this.#closed) return
    const step = Math.min(Math.max(0, delayMs), DELAY_MAX_MS)
    const handle = setTimeout(() => {
      this.#handles.delete(key)
      if (delayMs > step) this.set(key, delayMs - step, run)
      else run()
    }, step)
    handle.unref()
    this.#handles.set(key, handle)
  }

  cancel(key: string): void {
    const handle = this.#handles.get(key)
    if (handle === undefined) return
    clearTimeout(handle)
    this.#handles.delete(key)
  }

  close(): void {
    this.#closed = true
    for (const handle of this.#handles.values()) clearTimeout(handle)
    this.#handles.clear()
  }
}
