// What one partition of an internal topic is to the runtime: a state machine that records are replayed to.

import type { Logger } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'

/** A record of an internal topic; a null value is a tombstone. */
export type CoordinatorRecord = { key: Uint8Array; value: Uint8Array | null }

export type CoordinatorResult<R> = {
  /** Appended together or not at all; none for an operation that only reads. */
  records: CoordinatorRecord[]
  /** Handed back once the records are committed and replayed. */
  response: R
  /** Runs after the replay, before the response goes out: for soft state that follows from the commit. */
  onCommitted?: () => void
  /** Runs when the records were not appended, before the write is rejected. Not called for a shard that is unloaded. */
  onFailed?: (error: unknown) => void
}

export interface CoordinatorShard {
  /** Takes over one committed record; `producerId` is -1 outside of transactions. The only way hard state changes. */
  replay(offset: bigint, producerId: bigint, record: CoordinatorRecord, timestampMs: number): void
  /** A transaction with records in this partition has ended. */
  replayMarker?(producerId: bigint, producerEpoch: number, commit: boolean): void
  /** All records are replayed; the shard answers from now on. `now` in ms since the epoch. */
  onLoaded(now: number): void
  /** The partition is led elsewhere from now on: answers what is parked, sets nothing any more. */
  onUnloaded(): void
}

export type ShardOperation<S extends CoordinatorShard, R> = (shard: S, now: number) => CoordinatorResult<R>

/** The outside world of one shard. Timers of a shard that was unloaded do not run. */
export interface ShardContext<S extends CoordinatorShard> {
  readonly partition: number
  /** In which this broker led the partition when the shard was loaded. */
  readonly leaderEpoch: number
  readonly timers: Timers
  readonly logger: Logger
  /** Milliseconds since the epoch; may jump. */
  nowMs(): number
  /** Milliseconds since some fixed moment; never goes back. */
  monotonicMs(): number
  /** A write of the shard's own (a timer ran out); a failure is logged, after `onFailed`. See `CoordinatorRuntime.write` for `key`. */
  write(reason: string, operation: ShardOperation<S, void>, key?: string): void
}
