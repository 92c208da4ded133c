// Configs: described, changed one by one, replaced.

import { ask, topicOf } from './question.ts'
import type { Question } from './question.ts'

const [TOPIC, BROKER, LOGGER] = [2, 4, 8]
const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3]
/** The levels of the broker's root logger are another thing to compare than what is set. */
type Change = readonly [name: string, operation: number, value: string | null]

const describe = (version: number, about: string, resourceType: number, resourceName: string, configurationKeys: string[] | null = null, includeSynonyms = true): Question =>
  ask('DescribeConfigs', version, about, { resources: [{ resourceType, resourceName, configurationKeys }], includeSynonyms })
const change = (about: string, resourceType: number, resourceName: string, changes: readonly Change[], validateOnly = false, version = 1): Question =>
  ask('IncrementalAlterConfigs', version, about, { resources: [{ resourceType, resourceName, configs: changes.map(([name, configOperation, value]) => ({ name, configOperation, value })) }], validateOnly })
const replace = (about: string, resourceType: number, resourceName: string, configs: [string, string | null][], validateOnly = false, version = 2): Question =>
  ask('AlterConfigs', version, about, { resources: [{ resourceType, resourceName, configs: configs.map(([name, value]) => ({ name, value })) }], validateOnly })
const shown = (about: string, topic: string): Question => describe(4, `${topic} ${about}`, TOPIC, topic)

export function configQuestions(): Question[] {
  return [
    ask('CreateTopics', 7, 'two', { topics: [topicOf('a', 3, { 'retention.ms': '5000', 'cleanup.policy': 'compact' }), topicOf('b', 2)], timeoutMs: 5000 }),
    ...[1, 2, 3, 4].flatMap((version) => [
      describe(version, 'a topic', TOPIC, 'a'),
      describe(version, 'a topic without synonyms', TOPIC, 'b', null, false),
      describe(version, 'some configs', TOPIC, 'a', ['retention.ms', 'nope', 'cleanup.policy']),
    ]),
    describe(4, 'no configs', TOPIC, 'a', []),
    ...['nope', 'a b', ''].map((name) => describe(4, `topic "${name}"`, TOPIC, name)),
    ...['', '7', 'x'].map((name) => describe(4, `broker "${name}"`, BROKER, name)),
    ...['', '7', 'x'].map((name) => describe(4, `loggers of "${name}"`, LOGGER, name)),
    describe(4, 'a logger', LOGGER, '1', ['root']),
    ...[16, 32].map((type) => describe(4, `resource ${type} without a name`, type, '')),
    ...[1, 3, 64].map((type) => describe(4, `resource ${type}`, type, 'x')),
    ask('ListConfigResources', 0, 'client metrics', {}),
    ...[[TOPIC], [BROKER], [LOGGER], [16], [32], [0], [1], [3], [BROKER, LOGGER, 16, 32]].map((resourceTypes) => ask('ListConfigResources', 1, `of ${resourceTypes.join(' and ')}`, { resourceTypes })),
    ...topicChanges(),
    ...brokerChanges(),
    ...loggerChanges(),
    ...replacements(),
  ]
}

function topicChanges(): Question[] {
  const two = (about: string, first: [string, string, string], second: [string, string, string]): Question =>
    ask('IncrementalAlterConfigs', 1, about, { resources: [first, second].map(([resourceName, name, value]) => ({ resourceType: TOPIC, resourceName, configs: [{ name, configOperation: SET, value }] })) })
  return [
    ...[0, 1].map((version) => change('set', TOPIC, 'a', [['retention.ms', SET, '6000'], ['segment.ms', SET, '10000'], ['cleanup.policy', APPEND, 'delete']], false, version)),
    shown('after setting', 'a'),
    change('delete', TOPIC, 'a', [['retention.ms', DELETE, null], ['max.message.bytes', DELETE, ''], ['cleanup.policy', SUBTRACT, 'compact']]),
    shown('after deleting', 'a'),
    change('append', TOPIC, 'b', [['cleanup.policy', APPEND, 'compact,delete']]),
    shown('after appending', 'b'),
    change('subtract', TOPIC, 'b', [['cleanup.policy', SUBTRACT, 'compact,delete']]),
    shown('after subtracting', 'b'),
    ...['nope', '', 'a b'].map((topic) => change(`topic "${topic}"`, TOPIC, topic, [['retention.ms', SET, '1']])),
    ...(
      [
        ['nope', SET, '1'], ['nope', DELETE, null], ['retention.ms', SET, 'x'], ['retention.ms', SET, null], ['cleanup.policy', APPEND, null], ['retention.ms', APPEND, '1'], ['retention.ms', SUBTRACT, '1'],
        ['cleanup.policy', APPEND, 'x'], ['retention.ms', 7, '1'],
      ] as const
    ).map((each) => change(each.join(' '), TOPIC, 'a', [each])),
    change('a config twice', TOPIC, 'a', [['retention.ms', SET, '1'], ['retention.ms', DELETE, null]]),
    change('nothing', TOPIC, 'a', []),
    change('only validated', TOPIC, 'a', [['retention.ms', SET, '77']], true),
    change('only validated and wrong', TOPIC, 'a', [['retention.ms', SET, 'x']], true),
    change('half wrong', TOPIC, 'a', [['retention.ms', SET, '123'], ['segment.ms', SET, 'x']]),
    two('a topic twice', ['a', 'retention.ms', '9'], ['a', 'segment.ms', '9']),
    two('one topic wrong', ['a', 'retention.ms', '9'], ['b', 'segment.ms', 'x']),
    ...[0, 3, 64].map((type) => change(`resource ${type}`, type, 'x', [['a', SET, 'b']])),
    shown('after all', 'a'),
    shown('after all', 'b'),
  ]
}

function brokerChanges(): Question[] {
  return [
    ...['1', '7', 'x'].map((broker) => change(`broker "${broker}"`, BROKER, broker, [['log.retention.ms', SET, '100000']])),
    change('all brokers', BROKER, '', [['message.max.bytes', SET, '2000000']]),
    ...(
      [
        ['num.partitions', SET, '3'], ['num.partitions', DELETE, null], ['nope.nope', SET, '3'], ['message.max.bytes', SET, 'x'], ['message.max.bytes', SET, null], ['message.max.bytes', APPEND, '1'], ['log.cleanup.policy', APPEND, 'compact'],
      ] as const
    ).map((each) => change(`broker ${each.join(' ')}`, BROKER, '1', [each])),
    change('all brokers out of range', BROKER, '', [['message.max.bytes', SET, '-1']]),
    change('all brokers listeners', BROKER, '', [['listeners', SET, 'PLAINTEXT://:1']]),
    describe(4, 'all brokers', BROKER, ''),
    describe(4, 'what was set', BROKER, '1', ['message.max.bytes', 'log.retention.ms', 'log.retention.hours', 'log.retention.minutes', 'log.cleanup.policy', 'log.segment.bytes', 'log.roll.ms', 'log.roll.hours']),
    shown('after changes of the broker', 'b'),
  ]
}

function loggerChanges(): Question[] {
  return [
    ...(
      [
        ['nope', SET, 'INFO'], ['root', SET, 'LOUD'], ['root', APPEND, 'INFO'], ['root', SET, 'WARN'], ['root', SET, null], ['root', DELETE, null],
      ] as const
    ).map((each) => change(`logger ${each.join(' ')}`, LOGGER, '1', [each])),
    ...['7', 'x', ''].map((broker) => change(`logger of "${broker}"`, LOGGER, broker, [['root', SET, 'INFO']])),
    describe(4, 'the logger that was set', LOGGER, '1', ['root']),
  ]
}

function replacements(): Question[] {
  return [
    ...[0, 1, 2].map((version) => replace('a topic', TOPIC, 'a', [['retention.ms', '4000'], ['flush.ms', '100']], false, version)),
    shown('after replacing', 'a'),
    replace('by nothing', TOPIC, 'a', []),
    replace('topic nope', TOPIC, 'nope', [['retention.ms', '1']]),
    replace('by null', TOPIC, 'a', [['retention.ms', null]]),
    replace('by what it cannot be', TOPIC, 'a', [['retention.ms', 'x']]),
    replace('what is unknown', TOPIC, 'a', [['nope', 'x']]),
    replace('one twice', TOPIC, 'a', [['retention.ms', '1'], ['retention.ms', '2']]),
    replace('a logger', LOGGER, '1', [['root', 'INFO']]),
    ...[0, 64].map((type) => replace(`resource ${type}`, type, '1', [['root', 'INFO']])),
    replace('broker fixed', BROKER, '1', [['num.partitions', '3']]),
    replace('broker', BROKER, '1', [['message.max.bytes', '3000000']]),
    replace('only validated', TOPIC, 'b', [['retention.ms', '99']], true),
    shown('after all replacements', 'a'),
    shown('after all replacements', 'b'),
    describe(4, 'what was replaced', BROKER, '1', ['message.max.bytes', 'log.retention.ms', 'log.cleanup.policy']),
  ]
}
