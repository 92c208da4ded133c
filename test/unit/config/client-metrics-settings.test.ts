import { expect, test } from 'vitest'
import { changeConfigs } from '../../../src/config/alter-configs.ts'
import { clientMetricsConfigSpace } from '../../../src/config/client-metrics-settings.ts'
import { describeClientMetricsConfigs } from '../../../src/config/describe-configs.ts'

const set = (own: object, ...changes: [string, string, ('SET' | 'APPEND')?][]) =>
  Object.fromEntries(changeConfigs(clientMetricsConfigSpace(), new Map(Object.entries(own)), changes.map(([name, value, operation = 'SET']) => ({ name, value, operation }))).texts)

test('what is set of a subscription is kept as it was given', () => {
  expect(set({ metrics: '*' }, ['interval.ms', '100'], ['match', 'client_id=a.*,client_source_port=1'])).toEqual({ metrics: '*', 'interval.ms': '100', match: 'client_id=a.*,client_source_port=1' })
})

test.each([
  ['interval.ms', '99', 'INVALID_REQUEST', 'Invalid value 99 for interval.ms, interval must be between 100 and 3600000 (1 hour)'],
  ['interval.ms', '3600001', 'INVALID_REQUEST', 'Invalid value 3600001 for interval.ms, interval must be between 100 and 3600000 (1 hour)'],
  ['interval.ms', 'abc', 'INVALID_CONFIG', 'Invalid value abc for configuration interval.ms: Not a number of type INT'],
  ['nope', '1', 'INVALID_REQUEST', 'Unknown client metrics configuration: nope'],
  ['match', 'foo', 'INVALID_CONFIG', 'Illegal client matching pattern: foo'],
  ['match', 'client_id=a,foo=b', 'INVALID_CONFIG', 'Illegal client matching pattern: foo=b'],
  ['match', 'client_id=', 'INVALID_CONFIG', 'Illegal client matching pattern: client_id='],
  ['match', 'client_id=a=b', 'INVALID_CONFIG', 'Illegal client matching pattern: client_id=a=b'],
  ['match', 'client_id=(', 'INVALID_CONFIG', 'Illegal client matching pattern: client_id=('],
])('%s=%s is refused', (name, value, code, message) => {
  expect(() => set({}, [name, value])).toThrow(expect.objectContaining({ code, message }))
})

test('nothing is appended to, as in Kafka', () => {
  expect(() => set({}, ['match', 'client_id=a', 'APPEND'])).toThrow("Can't APPEND to key match because its type is not LIST.")
})

test('every setting is told, also of a subscription that nobody has made', () => {
  const told = (own: object) => describeClientMetricsConfigs(new Map(Object.entries(own))).map(({ name, value, source, synonyms }) => [name, value, source, synonyms.length])
  expect(told({})).toEqual([['interval.ms', '300000', 'DEFAULT_CONFIG', 0], ['match', '', 'DEFAULT_CONFIG', 0], ['metrics', '', 'DEFAULT_CONFIG', 0]])
  expect(told({ metrics: 'a., b.' })).toContainEqual(['metrics', 'a.,b.', 'CLIENT_METRICS_CONFIG', 1])
})
