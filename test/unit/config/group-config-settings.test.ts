import { describe, expect, test } from 'vitest'
import { groupConfig } from '../../../src/broker/settings.ts'
import { groupConfigSpace } from '../../../src/config/alter-configs.ts'
import { isBrokerSetting } from '../../../src/config/broker-settings.ts'
import { BROKER_SETTINGS } from '../../../src/config/broker-settings.ts'
import { describeGroupConfigs } from '../../../src/config/describe-configs.ts'
import { GROUP_SETTINGS, groupSynonym } from '../../../src/config/group-config-settings.ts'

describe('settings of a group', () => {
  test.each(Object.entries(GROUP_SETTINGS))('%s has the broker\'s setting and its default behind it', (name, { default: value }) => {
    const synonym = groupSynonym(name)
    expect(isBrokerSetting(synonym) && BROKER_SETTINGS[synonym].default).toBe(value)
  })

  test('are told with where they come from', () => {
    const layers = { dynamicBroker: new Map(), dynamicDefault: new Map(), given: new Map([['group.consumer.session.timeout.ms', '60000']]) }
    const told = describeGroupConfigs(layers, new Map([['streams.num.standby.replicas', '2']])).map(({ name, value, source }) => [name, value, source])
    expect(told).toContainEqual(['consumer.session.timeout.ms', '60000', 'STATIC_BROKER_CONFIG'])
    expect(told).toContainEqual(['streams.num.standby.replicas', '2', 'GROUP_CONFIG'])
    expect(told).toContainEqual(['consumer.heartbeat.interval.ms', '5000', 'DEFAULT_CONFIG'])
  })

  test('are what the group acts on', () => {
    expect(groupConfig(new Map([['consumer.session.timeout.ms', '50000'], ['streams.num.standby.replicas', '1']]))).toEqual({ consumerSessionTimeoutMs: 50_000, streamsNumStandbyReplicas: 1 })
    expect(groupConfig(new Map())).toEqual({})
  })

  test('are refused where they are unknown or out of bounds', () => {
    const { check } = groupConfigSpace(() => '')
    expect(() => check(new Map([['nothing', '1']]), ['nothing'])).toThrow('Unknown group config name: nothing')
    expect(() => check(new Map([['consumer.session.timeout.ms', '0']]), ['consumer.session.timeout.ms'])).toThrow()
  })
})
