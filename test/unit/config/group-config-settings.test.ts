import { describe, expect, test } from 'vitest'
import { groupConfig } from '../../../src/broker/settings.ts'
import { groupConfigSpace } from '../../../src/config/alter-configs.ts'
import { parseAutoOffsetReset } from '../../../src/config/auto-offset-reset.ts'
import { isBrokerSetting } from '../../../src/config/broker-settings.ts'
import { BROKER_SETTINGS } from '../../../src/config/broker-settings.ts'
import { brokerText } from '../../../src/config/config-layers.ts'
import { describeGroupConfigs } from '../../../src/config/describe-configs.ts'
import { GROUP_SETTINGS, groupSynonym } from '../../../src/config/group-config-settings.ts'

test.each([
  ['earliest', { strategy: 'earliest' }],
  ['latest', { strategy: 'latest' }],
  ['by_duration:PT1H', { strategy: 'byDuration', durationMs: 3_600_000 }],
  ['by_duration:P2DT3M4.5S', { strategy: 'byDuration', durationMs: 172_984_500 }],
  ['by_duration:-PT1H', undefined],
  ['by_duration:PT-1H', undefined],
  ['by_duration:PT', undefined],
  ['by_duration:P', undefined],
  ['by_duration:1h', undefined],
  ['none', undefined],
])('share.auto.offset.reset=%s', (text, expected) => {
  expect(parseAutoOffsetReset(text)).toEqual(expected)
})

describe('settings of a group', () => {
  test.each(Object.entries(GROUP_SETTINGS))('%s has the broker\'s setting and its default behind it', (name, { default: value }) => {
    const synonym = groupSynonym(name)
    if (synonym === null) return
    expect(isBrokerSetting(synonym) && BROKER_SETTINGS[synonym].default).toBe(value)
  })

  test('are told with where they come from', () => {
    const layers = { dynamicBroker: new Map(), dynamicDefault: new Map(), given: new Map([['group.consumer.session.timeout.ms', '60000']]) }
    const told = describeGroupConfigs(layers, new Map([['streams.num.standby.replicas', '2']])).map(({ name, value, source }) => [name, value, source])
    expect(told).toContainEqual(['consumer.session.timeout.ms', '60000', 'STATIC_BROKER_CONFIG'])
    expect(told).toContainEqual(['streams.num.standby.replicas', '2', 'GROUP_CONFIG'])
    expect(told).toContainEqual(['consumer.heartbeat.interval.ms', '5000', 'DEFAULT_CONFIG'])
    expect(told).toContainEqual(['share.auto.offset.reset', 'latest', 'DEFAULT_CONFIG'])
  })

  test('are what the group acts on', () => {
    const unchanged = { dynamicBroker: new Map(), dynamicDefault: new Map() }
    expect(groupConfig(new Map([['consumer.session.timeout.ms', '50000'], ['streams.num.standby.replicas', '1']]), unchanged)).toEqual({ consumerSessionTimeoutMs: 50_000, streamsNumStandbyReplicas: 1 })
    expect(groupConfig(new Map(), unchanged)).toEqual({})
    const changed = { dynamicBroker: new Map(), dynamicDefault: new Map([['group.consumer.assignment.interval.ms', '700']]) }
    expect(groupConfig(new Map([['share.assignment.interval.ms', '300']]), changed)).toEqual({ consumerAssignmentIntervalMs: 700, shareAssignmentIntervalMs: 300 })
  })

  test('are refused where they are unknown or out of bounds', () => {
    const { check } = groupConfigSpace(() => '', (name) => brokerText({ dynamicBroker: new Map(), dynamicDefault: new Map(), given: new Map() }, name) ?? '')
    expect(() => check(new Map([['nothing', '1']]), ['nothing'])).toThrow('Unknown group config name: nothing')
    expect(() => check(new Map([['consumer.session.timeout.ms', '0']]), ['consumer.session.timeout.ms'])).toThrow()
    expect(() => check(new Map([['streams.num.standby.replicas', '3']]), [])).toThrow('streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas')
    expect(() => check(new Map([['consumer.assignment.interval.ms', '15001']]), [])).toThrow('consumer.assignment.interval.ms must be less than or equal to group.consumer.max.assignment.interval.ms')
    expect(() => check(new Map([['share.session.timeout.ms', '10']]), [])).toThrow('share.session.timeout.ms must be greater than or equal to group.share.min.session.timeout.ms')
    expect(() => check(new Map([['share.record.lock.duration.ms', '100000']]), [])).toThrow('share.record.lock.duration.ms must be less than or equal to group.share.max.record.lock.duration.ms')
    expect(() => check(new Map([['share.record.lock.duration.ms', '1']]), [])).toThrow('Invalid value 1 for configuration share.record.lock.duration.ms: Value must be at least 1000')
    expect(() => check(new Map([['share.auto.offset.reset', 'EARLIEST']]), [])).toThrow('The value must be either')
    expect(() => check(new Map([['share.session.timeout.ms', '50000'], ['share.auto.offset.reset', 'by_duration:PT1H']]), [])).not.toThrow()
  })
})
