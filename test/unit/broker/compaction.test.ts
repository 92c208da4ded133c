import { expect, it } from 'vitest'
import { chooseCompaction } from '../../../src/broker/compaction.ts'
import type { CompactionCandidate, CompactionPolicy } from '../../../src/broker/compaction.ts'

const policy: CompactionPolicy = { compacts: true, minDirtyRatio: 0.5, maxLagMs: Number.MAX_SAFE_INTEGER, minLagMs: 0, deleteRetentionMs: 0 }
const candidate = (topic: string, dirtyBytes: number, cleanBytes: number, changes: Partial<CompactionPolicy> = {}, dirtySinceMs = 0): CompactionCandidate => ({
  topic,
  policy: { ...policy, ...changes },
  need: { partition: 0, dirtyBytes, cleanBytes, dirtySinceMs },
})

it('takes the dirtiest log above its ratio', () => {
  const candidates = [candidate('half', 50, 50), candidate('most', 80, 20), candidate('little', 10, 90)]
  expect(chooseCompaction(candidates, 0)?.topic).toBe('most')
})

it('takes nothing where no log is dirty enough', () => {
  expect(chooseCompaction([candidate('little', 49, 51), candidate('clean', 0, 100, { minDirtyRatio: 0 })], 0)).toBeNull()
})

it('takes a log that waited for longer than it may before all others', () => {
  const candidates = [candidate('most', 80, 20), candidate('late', 1, 99, { maxLagMs: 1_000 }, 5_000)]
  expect(chooseCompaction(candidates, 6_001)?.topic).toBe('late')
  expect(chooseCompaction(candidates, 6_000)?.topic).toBe('most')
})
