// Time as an argument: the wall clock for what users see and retention, the monotonic clock for durations.

export interface Clock {
  /** Milliseconds since the Unix epoch; may jump. */
  nowMs(): number
  /** Milliseconds since some fixed moment; never goes back. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}
