// Retention as a decision (`retention.ms`, `retention.bytes`): given a partition's segments, up to which offset its log is
// dropped. Only whole segments go; the active one is rolled first when all of it has expired.

import type { TopicSettings } from '../config/topic-settings.ts'
import type { SegmentSummary } from '../native.ts'

export type RetentionPolicy = {
  /** -1 for no limit. */
  readonly retentionMs: number
  /** -1 for no limit. */
  readonly retentionBytes: number
  /** Whether `cleanup.policy` contains `delete`; without it only what DeleteRecords asked for goes. */
  readonly deletes: boolean
}

export type RetentionDecision = {
  /** The active segment is closed before anything is dropped. */
  readonly roll: boolean
  /** All before this offset goes; null for nothing. */
  readonly deleteBefore: bigint | null
}

const NOTHING: RetentionDecision = { roll: false, deleteBefore: null }

export function retentionPolicy(settings: TopicSettings): RetentionPolicy {
  return {
    retentionMs: settings['retention.ms'],
    retentionBytes: settings['retention.bytes'],
    deletes: settings['cleanup.policy'].includes('delete'),
  }
}

/** `segments` in offset order, the active one last; nothing above `highWatermark` is ever dropped. */
export function decideRetention(segments: readonly SegmentSummary[], policy: RetentionPolicy, highWatermark: bigint, now: number): RetentionDecision {
  if (!policy.deletes) return NOTHING
  const count = Math.max(expiredCount(segments, policy, now), oversizeCount(segments, policy))
  if (count === 0) return NOTHING
  const takesActive = count === segments.length
  const endOffset = takesActive ? highWatermark : (segments[count]?.baseOffset ?? 0n)
  if (endOffset > highWatermark) return NOTHING
  return { roll: takesActive, deleteBefore: endOffset }
}

/** Leading segments whose youngest record is too old. A segment without timestamps is as old as its file. */
function expiredCount(segments: readonly SegmentSummary[], { retentionMs }: RetentionPolicy, now: number): number {
  if (retentionMs < 0) return 0
  const isExpired = (segment: SegmentSummary): boolean => {
    if (segment.active && segment.sizeBytes === 0) return false
    const youngest = segment.maxTimestampMs >= 0 ? segment.maxTimestampMs : segment.lastModifiedMs
    return now - youngest > retentionMs
  }
  const kept = segments.findIndex((segment) => !isExpired(segment))
  return kept < 0 ? segments.length : kept
}

/** Leading segments without which the log is still at least as large as the limit; never the active one. */
function oversizeCount(segments: readonly SegmentSummary[], { retentionBytes }: RetentionPolicy): number {
  if (retentionBytes < 0) return 0
  let excess = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0) - retentionBytes
  let count = 0
  for (const segment of segments) {
    if (segment.active || excess < segment.sizeBytes) break
    excess -= segment.sizeBytes
    count++
  }
  return count
}
