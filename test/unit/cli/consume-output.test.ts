import { expect, it } from 'vitest'
import { UsageError } from '../../../src/cli/command.ts'
import { formatRecord, parseOutputFormat } from '../../../src/cli/consume/output-format.ts'
import type { ConsumedRecord } from '../../../src/cli/consume/output-format.ts'

const record: ConsumedRecord = {
  topic: 'orders',
  partition: 2,
  offset: 7n,
  timestampMs: 1_000,
  key: Buffer.from('k'),
  value: Buffer.from('v'),
  headers: [{ key: 'a', value: Buffer.from('1') }, { key: 'b', value: null }],
}

it('prints the value alone unless asked for more', () => {
  expect(formatRecord(record, parseOutputFormat({}))).toBe('v\n')
})

it('prints what the properties ask for, in the order of Kafka’s console consumer', () => {
  const names = ['timestamp', 'partition', 'offset', 'headers', 'key'].map((name) => [`print.${name}`, 'true'])
  const format = parseOutputFormat({ ...(Object.fromEntries(names) as Record<string, string>), 'key.separator': '|', 'null.literal': 'NIL' })
  expect(formatRecord(record, format)).toBe('CreateTime:1000|Partition:2|Offset:7|a:1,b:NIL|k|v\n')
})

it('prints JSON, with base64 for what is not text', () => {
  expect(JSON.parse(formatRecord({ ...record, value: Buffer.from([255]), headers: [] }, null))).toEqual({
    topic: 'orders', partition: 2, offset: 7, timestampMs: 1000, key: 'k', value: { base64: '/w==' }, headers: [],
  })
})

it.each([{ 'print.keys': 'true' }, { 'print.key': 'yes' }])('refuses %o', (properties) => {
  expect(() => parseOutputFormat(properties as Record<string, string>)).toThrow(UsageError)
})
