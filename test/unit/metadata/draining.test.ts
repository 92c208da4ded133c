import { expect, test } from 'vitest'
import { isDraining } from '../../../src/metadata/balancer/image-state.ts'
import { errorName } from '../../../src/protocol/error-codes.ts'
import { newTopic, openMetadata } from '../../support/metadata-fixture.ts'

type Metadata = Awaited<ReturnType<typeof openMetadata>>

const BROKER = 4
const setOn = async ({ call }: Metadata, resourceName: string, name: string, value: string | null): Promise<string> => {
  const { responses } = await call('IncrementalAlterConfigs', { resources: [{ resourceType: BROKER, resourceName, configs: [{ name, configOperation: value === null ? 1 : 0, value }] }], validateOnly: false })
  return errorName(responses[0]?.errorCode ?? -1)
}

test('any broker is marked as draining through any other, which tells of it, and gets no new replicas', async () => {
  const metadata = await openMetadata({ brokerCount: 3 })
  expect(await setOn(metadata, '2', 'broker.draining', 'true')).toBe('NONE')
  expect(isDraining(metadata.runtime.image, 2)).toBe(true)
  const { results } = await metadata.call('DescribeConfigs', { resources: [{ resourceType: BROKER, resourceName: '2', configurationKeys: ['broker.draining'] }] })
  expect(results[0]?.configs).toMatchObject([{ name: 'broker.draining', value: 'true', readOnly: false }])
  await metadata.call('CreateTopics', { topics: [{ ...newTopic('t', 6), replicationFactor: 2 }], timeoutMs: 1000, validateOnly: false })
  const holders = new Set(metadata.runtime.image.topicsByName.get('t')?.partitions.flatMap(({ replicas }) => replicas))
  expect([...holders].sort()).toEqual([1, 3])
  expect(await setOn(metadata, '2', 'broker.draining', null)).toBe('NONE')
  expect(isDraining(metadata.runtime.image, 2)).toBe(false)
})

test.each([
  ['a broker that is not registered', '9', 'broker.draining', 'true'],
  ['all brokers at once', '', 'broker.draining', 'true'],
  ['what is no truth value', '2', 'broker.draining', 'perhaps'],
  ['another setting of another broker', '2', 'log.retention.ms', '1000'],
])('%s is refused', async (_, resourceName, name, value) => {
  expect(await setOn(await openMetadata({ brokerCount: 3 }), resourceName, name, value)).toBe('INVALID_REQUEST')
})

test('throttles of any broker are set through any other, and show only where they are set', async () => {
  const metadata = await openMetadata({ brokerCount: 2 })
  const described = async (): Promise<(string | null)[]> => {
    const { results } = await metadata.call('DescribeConfigs', { resources: [{ resourceType: BROKER, resourceName: '1', configurationKeys: null }] })
    return (results[0]?.configs ?? []).filter(({ name }) => name === 'leader.replication.throttled.rate').map(({ value }) => value)
  }
  expect(await described()).toEqual([])
  expect(await setOn(metadata, '2', 'leader.replication.throttled.rate', '1000')).toBe('NONE')
  expect(await setOn(metadata, '1', 'leader.replication.throttled.rate', '1000')).toBe('NONE')
  expect(await described()).toEqual(['1000'])
})
