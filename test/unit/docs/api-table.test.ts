import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { apiPage } from '../../../docs/generate-api-table.ts'

it('docs/api.md is what a broker advertises', async () => {
  expect(readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8')).toBe(await apiPage())
})
