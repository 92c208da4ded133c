import { expect, test } from 'vitest'
import { Housekeeping } from '../../../src/broker/housekeeping.ts'
import { loadBrokerConfig } from '../../../src/config/broker-config.ts'
import { ClusterConfigs } from '../../../src/metadata/cluster-configs.ts'
import { Logging } from '../../../src/shared/logger.ts'
import { cluster } from '../../support/cluster-images.ts'
import { ManualClock } from '../../support/manual-clock.ts'

test.each([
  ['true', true],
  ['false', false],
])('with log.cleaner.enable=%s logs are looked at for compaction: %s', (value, compacts) => {
  const clock = new ManualClock()
  const config = loadBrokerConfig([{ origin: 'test', values: new Map([['log.dirs', '/data'], ['log.cleaner.enable', value]]) }])
  const context = { config, clock, timers: clock, logging: new Logging({ level: 'FATAL' }), dataPlane: {}, metadata: { image: cluster() }, configs: new ClusterConfigs(1, new Map()) }
  new Housekeeping(context as never).start()
  expect(clock.pending().has('compaction')).toBe(compacts)
  expect(clock.pending().has('retention')).toBe(true)
})
