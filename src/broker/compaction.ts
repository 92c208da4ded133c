// Compaction as a decision (`cleanup.policy=compact`): which log of those with something dirty is compacted next, if any.

import type { TopicSettings } from '../config/topic-settings.ts'
import type { CompactionNeed } from '../native.ts'

export type CompactionPolicy = {
  readonly compacts: boolean
  /** Share of a log that must be dirty. */
  readonly minDirtyRatio: number
  /** Age of the first dirty record at which the share does not matter any more. */
  readonly maxLagMs: number
  readonly minLagMs: number
  readonly deleteRetentionMs: number
}

export function compactionPolicy(settings: TopicSettings): CompactionPolicy {
  return {
    compacts: settings['cleanup.policy'].includes('compact'),
    minDirtyRatio: settings['min.cleanable.dirty.ratio'],
    maxLagMs: settings['max.compaction.lag.ms'],
    minLagMs: settings['min.compaction.lag.ms'],
    deleteRetentionMs: settings['delete.retention.ms'],
  }
}

export type CompactionCandidate = { readonly topic: string; readonly policy: CompactionPolicy; readonly need: CompactionNeed }

/** The dirtiest log that is due; one that has waited for longer than it may goes first. */
export function chooseCompaction(candidates: readonly CompactionCandidate[], now: number): CompactionCandidate | null {
  let chosen: CompactionCandidate | null = null
  let best = -1
  for (const candidate of candidates) {
    const { need, policy } = candidate
    if (need.dirtyBytes === 0) continue
    const ratio = need.dirtyBytes / (need.dirtyBytes + need.cleanBytes)
    const isLate = need.dirtySinceMs >= 0 && now - need.dirtySinceMs > policy.maxLagMs
    if (!isLate && ratio < policy.minDirtyRatio) continue
    const rank = isLate ? 1 + ratio : ratio
    if (rank > best) [chosen, best] = [candidate, rank]
  }
  return chosen
}
