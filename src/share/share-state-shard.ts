// One partition of `__share_group_state`: the state of the share partitions that have their place in it.

import type { CoordinatorRecord, CoordinatorResult, CoordinatorShard } from '../coordinator/coordinator-shard.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import { coordinatorKey, decodeShareStateRecord, shareStateTombstone, snapshotRecord, updateRecord } from './share-state-records.ts'
import type { SharePartitionKey } from './share-state-records.ts'
import { mergeBatches, NO_START_OFFSET } from './share-state.ts'
import type { ShareState, StateBatch } from './share-state.ts'

type Held = { state: ShareState; snapshotEpoch: number; updatesSinceSnapshot: number; snapshotOffset: bigint }

export type StateWrite = {
  readonly stateEpoch: number
  readonly leaderEpoch: number
  /** -1 for as it is. */
  readonly startOffset: bigint
  readonly deliveryCompleteCount: number
  readonly stateBatches: readonly StateBatch[]
}

const NO_LEADER_EPOCH = -1
/** No leader is before it, so a state that nobody has taken over yet fences none. */
const FIRST_LEADER_EPOCH = 0

export class ShareStateShard implements CoordinatorShard {
  readonly #held = new Map<string, Held>()
  readonly #updatesPerSnapshot: number

  constructor(updatesPerSnapshot: number) {
    this.#updatesPerSnapshot = updatesPerSnapshot
  }

  replay(offset: bigint, _producerId: bigint, record: CoordinatorRecord): void {
    const decoded = decodeShareStateRecord(record)
    if (decoded === null) return
    const key = coordinatorKey(decoded.key)
    switch (decoded.kind) {
      case 'removal':
        this.#held.delete(key)
        return
      case 'snapshot':
        this.#held.set(key, { state: decoded.state, snapshotEpoch: decoded.snapshotEpoch, updatesSinceSnapshot: 0, snapshotOffset: offset })
        return
      case 'update': {
        const held = this.#held.get(key)
        // An update whose snapshot is not there belongs to a state that was removed.
        if (held === undefined || held.snapshotEpoch !== decoded.snapshotEpoch) return
        held.state = updated(held.state, decoded.state)
        held.updatesSinceSnapshot++
      }
    }
  }

  onLoaded(): void {}

  onUnloaded(): void {}

  /** The offset below which no record is needed any more, null while there is none that is. */
  prunableBefore(): bigint | null {
    let lowest: bigint | null = null
    for (const { snapshotOffset } of this.#held.values()) if (lowest === null || snapshotOffset < lowest) lowest = snapshotOffset
    return lowest
  }

  /** Undefined where nothing is known of the partition. */
  stateOf(key: SharePartitionKey): ShareState | undefined {
    return this.#held.get(coordinatorKey(key))?.state
  }

  initialize(key: SharePartitionKey, stateEpoch: number, startOffset: bigint, now: number): CoordinatorResult<ErrorName> {
    const held = this.#held.get(coordinatorKey(key))
    if (held !== undefined && stateEpoch < held.state.stateEpoch) return answer('FENCED_STATE_EPOCH')
    const state = { stateEpoch, leaderEpoch: FIRST_LEADER_EPOCH, startOffset, deliveryCompleteCount: startOffset === NO_START_OFFSET ? -1 : 0, stateBatches: [] }
    return { records: [snapshotRecord(key, state, nextEpoch(held), now)], response: 'NONE' }
  }

  /** The state as a leader of this epoch takes it over: from then on no leader before it may write. */
  read(key: SharePartitionKey, leaderEpoch: number): CoordinatorResult<ShareState | ErrorName> {
    const held = this.#held.get(coordinatorKey(key))
    if (held === undefined) return { records: [], response: { stateEpoch: 0, leaderEpoch, startOffset: NO_START_OFFSET, deliveryCompleteCount: -1, stateBatches: [] } }
    if (leaderEpoch !== NO_LEADER_EPOCH && leaderEpoch < held.state.leaderEpoch) return answer('FENCED_LEADER_EPOCH')
    if (leaderEpoch <= held.state.leaderEpoch) return { records: [], response: held.state }
    const state = { ...held.state, leaderEpoch }
    return { records: [updateRecord(key, { ...state, stateBatches: [] }, held.snapshotEpoch)], response: state }
  }

  write(key: SharePartitionKey, write: StateWrite, now: number): CoordinatorResult<ErrorName> {
    const held = this.#held.get(coordinatorKey(key))
    if (held === undefined) return answer('INVALID_REQUEST')
    if (write.leaderEpoch !== NO_LEADER_EPOCH && write.leaderEpoch < held.state.leaderEpoch) return answer('FENCED_LEADER_EPOCH')
    if (write.stateEpoch !== -1 && write.stateEpoch < held.state.stateEpoch) return answer('FENCED_STATE_EPOCH')
    // A write that arrives late, behind others of the same leader, takes nothing back of what they say is done with.
    const startOffset = write.startOffset < held.state.startOffset ? NO_START_OFFSET : write.startOffset
    const change = { ...write, startOffset, stateEpoch: held.state.stateEpoch, leaderEpoch: Math.max(write.leaderEpoch, held.state.leaderEpoch) }
    const record = held.updatesSinceSnapshot + 1 >= this.#updatesPerSnapshot
      ? snapshotRecord(key, updated(held.state, change), nextEpoch(held), now)
      : updateRecord(key, change, held.snapshotEpoch)
    return { records: [record], response: 'NONE' }
  }

  remove(key: SharePartitionKey): CoordinatorResult<ErrorName> {
    return { records: this.#held.has(coordinatorKey(key)) ? [shareStateTombstone(key)] : [], response: 'NONE' }
  }
}

function nextEpoch(held: Held | undefined): number {
  return held === undefined ? 0 : held.snapshotEpoch + 1
}

function updated(before: ShareState, change: Omit<ShareState, 'stateEpoch'>): ShareState {
  const startOffset = change.startOffset === NO_START_OFFSET ? before.startOffset : change.startOffset
  return {
    stateEpoch: before.stateEpoch,
    leaderEpoch: change.leaderEpoch === NO_LEADER_EPOCH ? before.leaderEpoch : change.leaderEpoch,
    startOffset,
    deliveryCompleteCount: change.deliveryCompleteCount,
    stateBatches: mergeBatches(before.stateBatches, change.stateBatches, startOffset),
  }
}

function answer<R>(error: ErrorName): CoordinatorResult<R | ErrorName> & CoordinatorResult<ErrorName> {
  return { records: [], response: error }
}
