import { describe, expect, test } from 'vitest'
import { decideRetention } from '../../../src/broker/retention.ts'
import type { RetentionPolicy } from '../../../src/broker/retention.ts'
import type { SegmentSummary } from '../../../src/native.ts'

const NOW = 1_000_000
const NOTHING = { roll: false, deleteBefore: null }

/** Segments of ten records each, the last one active. */
function segments(...given: Partial<SegmentSummary>[]): SegmentSummary[] {
  return given.map((changes, index) => ({
    baseOffset: BigInt(index * 10),
    sizeBytes: 100,
    maxTimestampMs: NOW,
    lastModifiedMs: NOW,
    active: index === given.length - 1,
    ...changes,
  }))
}

const policy = (changes: Partial<RetentionPolicy>): RetentionPolicy => ({ retentionMs: -1, retentionBytes: -1, deletes: true, ...changes })

describe('by time', () => {
  const old = { maxTimestampMs: NOW - 501 }
  const edge = { maxTimestampMs: NOW - 500 }
  test.each([
    { name: 'leading old segments go', given: segments(old, old, edge, {}), highWatermark: 40n, decision: { roll: false, deleteBefore: 20n } },
    { name: 'an old segment behind a young one stays', given: segments({}, old, {}), highWatermark: 30n, decision: NOTHING },
    { name: 'when all is old the active one is rolled and goes too', given: segments(old, old), highWatermark: 17n, decision: { roll: true, deleteBefore: 17n } },
    { name: 'an empty active segment is never too old', given: segments(old, { ...old, sizeBytes: 0 }), highWatermark: 10n, decision: { roll: false, deleteBefore: 10n } },
    { name: 'a log without records is left alone', given: segments({ ...old, sizeBytes: 0 }), highWatermark: 0n, decision: NOTHING },
    { name: 'what is not committed stays', given: segments(old, old, {}), highWatermark: 15n, decision: NOTHING },
    { name: 'without timestamps a segment is as old as its file', given: segments({ maxTimestampMs: -1, lastModifiedMs: NOW - 501 }, {}), highWatermark: 20n, decision: { roll: false, deleteBefore: 10n } },
    { name: 'and as young as its file', given: segments({ maxTimestampMs: -1 }, {}), highWatermark: 20n, decision: NOTHING },
  ])('$name', ({ given, highWatermark, decision }) => {
    expect(decideRetention(given, policy({ retentionMs: 500 }), highWatermark, NOW)).toEqual(decision)
  })
})

describe('by size', () => {
  test.each([
    { name: 'goes while as much as the limit is left', limit: 250, before: 10n },
    { name: 'a segment that is partly needed stays', limit: 301, before: null },
    { name: 'exactly the limit may be left', limit: 200, before: 20n },
    { name: 'the active segment stays at a limit of nothing', limit: 0, before: 30n },
    { name: 'no limit', limit: -1, before: null },
  ])('$name', ({ limit, before }) => {
    expect(decideRetention(segments({}, {}, {}, {}), policy({ retentionBytes: limit }), 40n, NOW)).toEqual({ roll: false, deleteBefore: before })
  })
})

test('the policy that drops more decides', () => {
  const given = segments({ maxTimestampMs: 0 }, {}, {}, {})
  expect(decideRetention(given, policy({ retentionMs: 500, retentionBytes: 200 }), 40n, NOW).deleteBefore).toBe(20n)
  expect(decideRetention(given, policy({ retentionMs: 500, retentionBytes: 399 }), 40n, NOW).deleteBefore).toBe(10n)
})

test('a compacted topic keeps everything', () => {
  expect(decideRetention(segments({ maxTimestampMs: 0 }, {}), policy({ retentionMs: 500, retentionBytes: 0, deletes: false }), 20n, NOW)).toEqual(NOTHING)
})
