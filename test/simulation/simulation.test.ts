// A few short lives of a simulated cluster; `npm run simulate` runs more and longer ones.

import { expect, test } from 'vitest'
import { simulate } from './simulate.ts'

const MINUTES = 0.1

test.each([1, 2])('what is acknowledged stays, and replicas agree, in the life of seed %i', async (seed) => {
  const { violation, trace, acknowledged, committed, aborted, fetched } = await simulate({ seed, minutes: MINUTES })
  expect(violation, trace).toBeNull()
  for (const count of [acknowledged, committed, aborted, fetched]) expect(count).toBeGreaterThan(0)
})

test('the same seed gives the same life', async () => {
  const [first, second] = [await simulate({ seed: 3, minutes: MINUTES }), await simulate({ seed: 3, minutes: MINUTES })]
  expect(second.digest).toBe(first.digest)
})

test('records that are acknowledged before the ISR has them are noticed', async () => {
  const { violation } = await simulate({ seed: 1, minutes: MINUTES, planted: 'acknowledges before the ISR has it' })
  expect(violation).toContain('was acknowledged')
})

test('a coordinator that answers before its log is loaded is noticed', async () => {
  const { violation } = await simulate({ seed: 3, minutes: MINUTES, planted: 'a coordinator answers before its log is loaded' })
  expect(violation).toMatch(/answers -1 in epoch \d+, where \d+ was acknowledged/)
})
