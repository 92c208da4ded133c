import { expect, test } from 'vitest'
import { deleteRecords } from '../../../../src/metadata/handlers/log-handlers.ts'
import { errorCode, KafkaError } from '../../../../src/protocol/error-codes.ts'
import { cluster } from '../../../support/cluster-images.ts'
import { openMetadata } from '../../../support/metadata-fixture.ts'

async function withTopic() {
  const metadata = await openMetadata()
  await metadata.call('CreateTopics', { topics: [{ name: 't', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }], timeoutMs: 1000, validateOnly: false })
  return metadata
}

const moves = (...dirs: [path: string, ...partitions: number[]][]) => ({ dirs: dirs.map(([path, ...partitions]) => ({ path, topics: [{ name: 't', partitions }] })) })

test.each([1, 2])('AlterReplicaLogDirs %i has each replica placed in the directory that names it last', async (version) => {
  const { call, directories } = await withTopic()
  const { results } = await call('AlterReplicaLogDirs', moves(['/a', 0, 1], ['/b', 0]), version)
  expect(directories.placed).toEqual([{ topic: 't', partition: 0, logDir: '/a' }, { topic: 't', partition: 1, logDir: '/a' }, { topic: 't', partition: 0, logDir: '/b' }])
  expect(results).toEqual([{ topicName: 't', partitions: [{ partitionIndex: 0, errorCode: 0 }, { partitionIndex: 1, errorCode: 0 }] }])
})

test('what cannot be moved is refused partition by partition', async () => {
  const { call, directories } = await withTopic()
  directories.refusal = new KafkaError('LOG_DIR_NOT_FOUND')
  expect((await call('AlterReplicaLogDirs', moves(['/nowhere', 1]))).results).toEqual([{ topicName: 't', partitions: [{ partitionIndex: 1, errorCode: errorCode('LOG_DIR_NOT_FOUND') }] }])
})

test('DescribeLogDirs tells of copies on their way beside the replicas, of those that were asked about, and of cordoned directories', async () => {
  const { call, directories } = await withTopic()
  directories.copies = [0, 1].map((partition) => ({ topic: 't', partition, logDir: '/fake', sizeBytes: 10 + partition, offsetLag: 5n }))
  directories.cordoned = ['/fake']
  const [all] = (await call('DescribeLogDirs', { topics: null })).results
  expect(all).toMatchObject({ logDir: '/fake', isCordoned: true })
  const described = all?.topics[0]?.partitions.map(({ partitionIndex, partitionSize, offsetLag, isFutureKey }) => [partitionIndex, partitionSize, offsetLag, isFutureKey])
  expect(described).toEqual([[0, 0n, 0n, false], [1, 0n, 0n, false], [0, 10n, 5n, true], [1, 11n, 5n, true]])
  const [asked] = (await call('DescribeLogDirs', { topics: [{ topic: 't', partitions: [1] }] })).results
  expect(asked?.topics[0]?.partitions.map(({ partitionIndex, isFutureKey }) => [partitionIndex, isFutureKey])).toEqual([[1, false], [1, true]])
})

test.each([
  { case: 'a directory that is not there', name: '1', value: '/nowhere', error: 'INVALID_REQUEST' },
  { case: 'one of several that is not there', name: '1', value: '*,/nowhere', error: 'INVALID_REQUEST' },
  { case: 'all brokers at once', name: '', value: '*', error: 'INVALID_REQUEST' },
  { case: 'every directory', name: '1', value: '*', error: undefined },
  { case: 'none', name: '1', value: '', error: undefined },
  { case: 'its own', name: '1', value: '/data/a', error: undefined },
])('cordoned.log.dirs of $case: $error', async ({ name, value, error }) => {
  const { call } = await openMetadata({ settings: { 'log.dirs': '/data/a,/data/b' } })
  const { responses } = await call('IncrementalAlterConfigs', { resources: [{ resourceType: 4, resourceName: name, configs: [{ name: 'cordoned.log.dirs', configOperation: 0, value }] }], validateOnly: true })
  expect(responses[0]?.errorCode).toBe(error === undefined ? 0 : errorCode('INVALID_REQUEST'))
})

test.each([
  ['the leader', 1, 'NONE'],
  ['a follower', 2, 'NOT_LEADER_OR_FOLLOWER'],
  ['a broker without a replica', 4, 'NOT_LEADER_OR_FOLLOWER'],
] as const)('DeleteRecords on %s', async (_case, nodeId, error) => {
  const runtime = { image: cluster({ topics: { t: [{ replicas: [1, 2] }] } }) }
  const deps = { runtime, config: { nodeId }, configs: { topicSettings: () => ({ 'cleanup.policy': ['delete'] }) }, logs: { deleteRecords: async () => 5n } }
  const { topics } = await deleteRecords(deps as never, { topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 5n }] }], timeoutMs: 1000 })
  expect(topics?.[0]?.partitions?.[0]).toMatchObject({ partitionIndex: 0, errorCode: error === 'NONE' ? 0 : errorCode(error) })
})
