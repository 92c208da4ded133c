import { expect, test } from 'vitest'
import type { ApiHandlers } from '../../../src/broker/api.ts'
import { gateByFeatures } from '../../../src/broker/feature-gates.ts'

const levels = new Map([['group.version', 1]])
const handlers = { ConsumerGroupHeartbeat: () => 'joined', StreamsGroupHeartbeat: () => 'joined', ListGroups: () => 'listed' } as unknown as ApiHandlers
const gated = gateByFeatures(handlers, (feature) => levels.get(feature) ?? 0) as Record<string, (context: object, request: object) => unknown>

test('an API answers while its feature is finalized', () => {
  expect(gated.ConsumerGroupHeartbeat?.({}, {})).toBe('joined')
  levels.delete('group.version')
  expect(() => gated.ConsumerGroupHeartbeat?.({}, {})).toThrow(/group\.version/)
})

test('an API whose feature was never finalized is refused, one that needs none is not', () => {
  expect(() => gated.StreamsGroupHeartbeat?.({}, {})).toThrow(expect.objectContaining({ errorName: 'UNSUPPORTED_VERSION' }))
  expect(gated.ListGroups?.({}, {})).toBe('listed')
})

test('what is not served stays so', () => expect(gated.ShareFetch).toBeUndefined())
