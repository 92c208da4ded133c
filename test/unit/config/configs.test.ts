import { expect, test } from 'vitest'
import { compactionSettings } from '../../../src/broker/settings.ts'
import { brokerConfigSpace, changeConfigs, checkTopicConfigs, topicConfigSpace } from '../../../src/config/alter-configs.ts'
import type { ConfigOperation } from '../../../src/config/alter-configs.ts'
import { NO_CONFIGS, topicDefaults, topicDefaultText, topicSettings } from '../../../src/config/config-layers.ts'
import type { ConfigLayers } from '../../../src/config/config-layers.ts'
import { describeBrokerConfigs, describeTopicConfigs } from '../../../src/config/describe-configs.ts'

type Texts = Record<string, string>
const layers = (given: Texts = {}, dynamicDefault: Texts = {}, dynamicBroker: Texts = {}): ConfigLayers => ({
  given: new Map(Object.entries(given)),
  dynamicDefault: new Map(Object.entries(dynamicDefault)),
  dynamicBroker: new Map(Object.entries(dynamicBroker)),
})

const kafkaDefault = (name: string): string => topicDefaultText(layers(), name)

// The sentences are those of Apache Kafka 4.3.1.
test.each([
  ['retention.ms', 'abc', 'Invalid value abc for configuration retention.ms: Not a number of type LONG'],
  ['retention.ms', '-5', 'Invalid value -5 for configuration retention.ms: Value must be at least -1'],
  ['cleanup.policy', 'compact,foo', 'Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete'],
  ['preallocate', 'maybe', 'Invalid value maybe for configuration preallocate: Expected value to be either true or false'],
  ['min.cleanable.dirty.ratio', '2', 'Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1'],
  ['foo', '1', 'Unknown topic config name: foo'],
  ['compression.type', 'bar', 'Invalid value bar for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer'],
  ['compression.gzip.level', '0', 'Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1'],
  ['compression.lz4.level', '99', 'Invalid value 99 for configuration compression.lz4.level: Value must be no more than 17'],
  [
    'leader.replication.throttled.replicas',
    'a',
    "Invalid value [a] for configuration leader.replication.throttled.replicas: leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
  ],
  ['segment.bytes', '99', 'Invalid value 99 for configuration segment.bytes: Value must be at least 1048576'],
  ['segment.bytes', '1.5', 'Invalid value 1.5 for configuration segment.bytes: Not a number of type INT'],
  ['max.message.bytes', '99999999999', 'Invalid value 99999999999 for configuration max.message.bytes: Not a number of type INT'],
  ['min.compaction.lag.ms', '9223372036854775808', 'Invalid value 9223372036854775808 for configuration min.compaction.lag.ms: Not a number of type LONG'],
  ['remote.storage.enable', 'true', 'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.'],
])('%s=%s is refused', (name, value, message) => {
  expect(() => checkTopicConfigs(new Map([[name, value]]), kafkaDefault)).toThrow(expect.objectContaining({ message }))
})

test('a topic whose records must be compacted before they may be is refused', () => {
  const own = new Map([['min.compaction.lag.ms', '100'], ['max.compaction.lag.ms', '50']])
  expect(() => checkTopicConfigs(own, kafkaDefault)).toThrow(expect.objectContaining({ message: 'conflict topic config setting min.compaction.lag.ms (100) > max.compaction.lag.ms (50)' }))
})

test.each(['delivery.delay.enable', 'record.ttl.enable'])('an internal topic is refused %s, which would keep records from its coordinator', (name) => {
  const message = `${name} cannot be set for an internal topic: its coordinator has to read every record.`
  expect(() => checkTopicConfigs(new Map([[name, 'true']]), kafkaDefault, true)).toThrow(expect.objectContaining({ message }))
  checkTopicConfigs(new Map([[name, 'false']]), kafkaDefault, true)
})

test.each([['cleanup.policy', ''], ['cleanup.policy', ' compact , delete '], ['retention.bytes', '-9'], ['unclean.leader.election.enable', 'TRUE'], ['flush.on.ack', 'true']])('%s=%j is taken', (name, value) => {
  checkTopicConfigs(new Map([[name, value]]), kafkaDefault)
})

test.each([
  [{}, '604800000'],
  [{ 'log.retention.hours': '1' }, '3600000'],
  [{ 'log.retention.hours': '1', 'log.retention.minutes': '2' }, '120000'],
  [{ 'log.retention.hours': '1', 'log.retention.minutes': '2', 'log.retention.ms': '3' }, '3'],
  [{ 'log.retention.hours': '-1' }, '-1'],
])('retention.ms under %j is %s', (given, expected) => {
  expect(topicDefaultText(layers(given as Texts), 'retention.ms')).toBe(expected)
})

test('settings of a topic are its own over the defaults, which are shared', () => {
  const defaults = topicDefaults(layers({ 'log.roll.hours': '2', 'log.segment.bytes': '2000000' }))
  expect(defaults['segment.ms']).toBe(7_200_000)
  expect(defaults['flush.ms']).toBe(Number(9223372036854775807n))
  expect(topicSettings(defaults, NO_CONFIGS)).toBe(defaults)
  const own = topicSettings(defaults, new Map([['cleanup.policy', 'compact, delete']]))
  expect(own).toEqual({ ...defaults, 'cleanup.policy': ['compact', 'delete'] })
})

const shown = (configs: ReturnType<typeof describeTopicConfigs>, name: string) => {
  const found = configs.find((config) => config.name === name)
  return [found?.value, found?.source, found?.synonyms.map((synonym) => `${synonym.source}:${synonym.name}=${synonym.value}`)]
}

test("a topic's synonyms are Kafka's, whose list starts where the setting itself is named", () => {
  const given = { 'log.retention.hours': '168' }
  expect(shown(describeTopicConfigs(layers(given), NO_CONFIGS), 'retention.ms')).toEqual(['604800000', 'DEFAULT_CONFIG', []])
  expect(shown(describeTopicConfigs(layers(given, { 'log.retention.ms': '2' }, { 'log.retention.ms': '1' }), new Map([['retention.ms', '3000']])), 'retention.ms')).toEqual([
    '3000',
    'DYNAMIC_TOPIC_CONFIG',
    [
      'DYNAMIC_TOPIC_CONFIG:retention.ms=3000',
      'DYNAMIC_BROKER_CONFIG:log.retention.ms=1',
      'DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=2',
      'STATIC_BROKER_CONFIG:log.retention.hours=168',
      'DEFAULT_CONFIG:log.retention.hours=168',
    ],
  ])
})

test('a broker tells every setting, and no secret', () => {
  const configs = describeBrokerConfigs(layers({ 'num.partitions': '3', 'ssl.key.password': 'x' }))
  expect(configs.length).toBeGreaterThan(350)
  expect(shown(configs, 'num.partitions')).toEqual(['3', 'STATIC_BROKER_CONFIG', ['STATIC_BROKER_CONFIG:num.partitions=3', 'DEFAULT_CONFIG:num.partitions=1']])
  expect(shown(configs, 'ssl.key.password')).toEqual([null, 'STATIC_BROKER_CONFIG', ['STATIC_BROKER_CONFIG:ssl.key.password=null']])
})

test('what is set while running shows though nobody knows it, without its value, and a throttle without a default', () => {
  const configs = describeBrokerConfigs(layers({}, {}, { 'nope.nope': '1', 'leader.replication.throttled.rate': '7' }))
  expect(shown(configs, 'nope.nope')).toEqual([null, 'DYNAMIC_BROKER_CONFIG', ['DYNAMIC_BROKER_CONFIG:nope.nope=null']])
  expect(shown(configs, 'leader.replication.throttled.rate')).toEqual(['7', 'DYNAMIC_BROKER_CONFIG', ['DYNAMIC_BROKER_CONFIG:leader.replication.throttled.rate=7']])
  expect(configs.some(({ name }) => name === 'follower.replication.throttled.rate')).toBe(false)
})

const change = (own: Texts, operation: ConfigOperation, name: string, value: string | null) => {
  const space = topicConfigSpace((each) => topicDefaultText(layers(), each))
  return Object.fromEntries(changeConfigs(space, new Map(Object.entries(own)), [{ name, operation, value }]).texts)
}

test.each<[Texts, ConfigOperation, string, string | null, Texts]>([
  [{}, 'SET', 'retention.ms', '5', { 'retention.ms': '5' }],
  [{ 'retention.ms': '5' }, 'DELETE', 'retention.ms', null, {}],
  [{}, 'DELETE', 'foo', null, {}],
  [{}, 'APPEND', 'cleanup.policy', 'compact', { 'cleanup.policy': 'delete,compact' }],
  [{ 'cleanup.policy': 'delete,compact' }, 'APPEND', 'cleanup.policy', 'compact', { 'cleanup.policy': 'delete,compact' }],
  [{ 'cleanup.policy': 'delete,compact' }, 'SUBTRACT', 'cleanup.policy', 'delete', { 'cleanup.policy': 'compact' }],
  [{ 'cleanup.policy': 'compact' }, 'SUBTRACT', 'cleanup.policy', 'compact,foo', { 'cleanup.policy': '' }],
])('%j %s %s=%s', (own, operation, name, value, expected) => {
  expect(change(own, operation, name, value)).toEqual(expected)
})

test.each<[ConfigOperation, string, string | null, string]>([
  ['APPEND', 'retention.ms', '1', "Can't APPEND to key retention.ms because its type is not LIST."],
  ['SUBTRACT', 'foo', '1', "Can't SUBTRACT to key foo because its type is not LIST."],
  ['SET', 'foo', '1', 'Unknown topic config name: foo'],
  ['SET', 'retention.ms', null, 'Null value not supported for : retention.ms'],
])('%s %s=%s is refused', (operation, name, value, message) => {
  expect(() => change({}, operation, name, value)).toThrow(expect.objectContaining({ message }))
})

test.each([
  ['node.id', '3', 'Cannot update these configs dynamically: [node.id]'],
  ['log.retention.hours', '3', 'Cannot update these configs dynamically: [log.retention.hours]'],
  ['log.retention.ms', 'abc', 'Invalid value abc for configuration log.retention.ms: Not a number of type LONG'],
  ['log.cleaner.backoff.ms', '-1', 'Invalid value -1 for configuration log.cleaner.backoff.ms: Value must be at least 0'],
  ['log.cleaner.threads', 'x', 'Invalid value x for configuration log.cleaner.threads: Not a number of type INT'],
  ['offsets.load.buffer.size', '7', 'Cannot update these configs dynamically: [offsets.load.buffer.size]'],
])('a broker refuses %s=%s while running', (name, value, message) => {
  const space = brokerConfigSpace(() => '')
  expect(() => changeConfigs(space, new Map(), [{ name, operation: 'SET', value }])).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', message }))
})

test.each([['log.cleaner.backoff.ms', '15001'], ['log.cleaner.io.max.bytes.per.second', '1000000.0'], ['num.io.threads', '16']])('a broker takes %s=%s while running and says that it may be changed', (name, value) => {
  const { texts } = changeConfigs(brokerConfigSpace(() => ''), new Map(), [{ name, operation: 'SET', value }])
  expect(texts).toEqual(new Map([[name, value]]))
  const described = describeBrokerConfigs({ ...layers(), dynamicBroker: texts }).find((config) => config.name === name)
  expect(described).toMatchObject({ value, readOnly: false, source: 'DYNAMIC_BROKER_CONFIG' })
})

test('compaction goes by what is set while the broker runs', () => {
  const given = { 'log.cleaner.backoff.ms': '7', 'log.cleaner.dedupe.buffer.size': '2000000' }
  expect(compactionSettings(layers(given))).toEqual({ backoffMs: 7, mapMemoryBytes: 2_000_000, bytesPerSecond: Number.MAX_VALUE })
  expect(compactionSettings(layers(given, { 'log.cleaner.backoff.ms': '9' }, { 'log.cleaner.io.max.bytes.per.second': '1000.0' }))).toEqual({ backoffMs: 9, mapMemoryBytes: 2_000_000, bytesPerSecond: 1000 })
})
