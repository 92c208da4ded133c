// What is kept of a share group's progress in one partition (KIP-932): where it begins, and what became of the records
// behind that which were given to members.

/**
 * As stored and sent; records that are acquired are kept as available, since a lock does not outlive its broker. Those that
 * are archiving are given up, and still have to be written to their group's dead-letter queue (KIP-1191).
 */
export const DELIVERY_STATES = { AVAILABLE: 0, ACKNOWLEDGED: 2, ARCHIVING: 3, ARCHIVED: 4 } as const

/** Records of consecutive offsets that share a fate. */
export type StateBatch = { readonly firstOffset: bigint; readonly lastOffset: bigint; readonly deliveryState: number; readonly deliveryCount: number }

export type ShareState = {
  /** Raised whenever the progress is set from outside; writers that know an older one are fenced. */
  readonly stateEpoch: number
  /** Of the partition's leader; -1 while none has read. */
  readonly leaderEpoch: number
  /** -1 while it is not found yet. */
  readonly startOffset: bigint
  /** Records behind the start offset that need no delivery any more; -1 where nobody has counted. */
  readonly deliveryCompleteCount: number
  /** In ascending order, none overlapping, all behind the start offset. */
  readonly stateBatches: readonly StateBatch[]
}

export const NO_START_OFFSET = -1n

/** The batches with later ones put over them: where both say something, the later ones hold. Adjacent ones of one fate become one. */
export function mergeBatches(before: readonly StateBatch[], later: readonly StateBatch[], startOffset: bigint): StateBatch[] {
  let merged = [...before]
  for (const batch of later) {
    merged = merged.flatMap((old) => {
      if (old.lastOffset < batch.firstOffset || old.firstOffset > batch.lastOffset) return [old]
      const left = old.firstOffset < batch.firstOffset ? [{ ...old, lastOffset: batch.firstOffset - 1n }] : []
      const right = old.lastOffset > batch.lastOffset ? [{ ...old, firstOffset: batch.lastOffset + 1n }] : []
      return [...left, ...right]
    })
    merged.push(batch)
  }
  const kept = merged.filter(({ lastOffset }) => lastOffset >= startOffset).map((batch) => (batch.firstOffset < startOffset ? { ...batch, firstOffset: startOffset } : batch))
  return joinAdjacent(kept.toSorted((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1)))
}

function joinAdjacent(batches: readonly StateBatch[]): StateBatch[] {
  const joined: StateBatch[] = []
  for (const batch of batches) {
    const last = joined.at(-1)
    if (last !== undefined && last.lastOffset + 1n === batch.firstOffset && last.deliveryState === batch.deliveryState && last.deliveryCount === batch.deliveryCount) {
      joined[joined.length - 1] = { ...last, lastOffset: batch.lastOffset }
    } else {
      joined.push(batch)
    }
  }
  return joined
}
