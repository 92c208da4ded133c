import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { generate, readTable } from '../../../src/protocol/generate.ts'

const source = (name: string): string => readFileSync(new URL(`../../../src/protocol/${name}`, import.meta.url), 'utf8')

test('the generated files are what the table says (npm run generate)', () => {
  const { messages, schemaTable } = generate(readTable())
  expect(source('messages.ts') === messages, 'messages.ts is out of date').toBe(true)
  expect(source('schema-table.ts') === schemaTable, 'schema-table.ts is out of date').toBe(true)
})
