import { expect, test } from 'vitest'
import { allocateProducerIds } from '../../../src/metadata/controller/cluster-records.ts'
import { metadataRecord } from '../../../src/metadata/controller/metadata-records.ts'
import { FakeDisk } from '../../support/fake-data-plane.ts'
import { newTopic, openMetadata } from '../../support/metadata-fixture.ts'

test('two creations of one name at the same time: one succeeds, one is told that the topic exists', async () => {
  const { call } = await openMetadata()
  const responses = await Promise.all([call('CreateTopics', { topics: [newTopic('t')] }), call('CreateTopics', { topics: [newTopic('t')] })])
  expect(responses.map(({ topics }) => topics[0]?.errorCode)).toEqual([0, 36])
})

test('operations that wait together go into one append, decided one after another', async () => {
  const { runtime, dataPlane, config } = await openMetadata()
  const before = dataPlane.batches('__cluster_metadata', 0).length
  const blocks = await Promise.all([1, 2, 3].map(() => runtime.write((image) => allocateProducerIds(image, config.nodeId))))
  expect(blocks.map(({ first }) => first)).toEqual([0n, 1000n, 2000n])
  expect(dataPlane.batches('__cluster_metadata', 0)).toHaveLength(before + 1)
})

test('a failed append fails its operations and leaves the state as it was', async () => {
  const { runtime, dataPlane, call } = await openMetadata()
  const before = runtime.image
  dataPlane.failNextAppend(new Error('disk full'))
  await expect(call('CreateTopics', { topics: [newTopic('t')] })).rejects.toThrow('disk full')
  expect(runtime.image).toBe(before)
  const { topics } = await call('CreateTopics', { topics: [newTopic('t')] })
  expect(topics[0]?.errorCode).toBe(0)
})

test('nothing is visible before it is committed, and listeners hear of it before the answer', async () => {
  const { runtime, dataPlane, call } = await openMetadata()
  const heard: string[] = []
  runtime.onChange((image) => heard.push(`heard ${image.topicsByName.has('t')}`))
  dataPlane.holdAppends()
  const creation = call('CreateTopics', { topics: [newTopic('t')] }).then(() => heard.push('answered'))
  await new Promise(setImmediate)
  expect(runtime.image.topicsByName.has('t')).toBe(false)
  dataPlane.releaseAppends()
  await creation
  expect(heard).toEqual(['heard true', 'answered'])
})

test('a listener that fails does not keep others from hearing', async () => {
  const { runtime, lines, call } = await openMetadata()
  let heard = false
  runtime.onChange(() => {
    throw new Error('no')
  })
  runtime.onChange(() => (heard = true))
  await call('CreateTopics', { topics: [newTopic('t')] })
  expect(heard).toBe(true)
  expect(lines.join('')).toContain('cannot follow a metadata change: no')
})

test('after a restart the state is that of before', async () => {
  const disk = new FakeDisk()
  const first = await openMetadata({ disk })
  await first.call('CreateTopics', { topics: [newTopic('kept', 3, { 'retention.ms': '1000' }), newTopic('gone', 2)] })
  await first.call('DeleteTopics', { topics: [{ name: 'gone' }] })
  await first.call('CreatePartitions', { topics: [{ name: 'kept', count: 5, assignments: null }] })
  const second = await openMetadata({ disk })
  const describe = async ({ call }: typeof first) => (await call('Metadata', { topics: null })).topics
  expect(await describe(second)).toEqual(await describe(first))
  expect((await describe(second)).map(({ name, partitions }) => [name, partitions.length])).toEqual([['kept', 5]])
  expect(second.configs.topicSettings(second.runtime.image, 'kept')['retention.ms']).toBe(1000)
  expect(second.configs.topicSettings(second.runtime.image, 'gone')['retention.ms']).toBe(604_800_000)
})

test('a cluster at an older metadata version gets records that its brokers understand, and no more than those hold', async () => {
  const first = await openMetadata()
  await first.runtime.write(() => ({ records: [metadataRecord('FeatureLevelRecord', { name: 'metadata.version', featureLevel: 16 })], response: undefined }))
  await first.call('CreateTopics', { topics: [newTopic('t')] })
  // Directories came with 17.
  expect(first.runtime.image.topicsByName.get('t')?.partitions[0]?.directories).toEqual([])
})

test('10,000 partitions replay within 150 ms, and the next topic does not pay for them', async () => {
  const disk = new FakeDisk()
  const first = await openMetadata({ disk })
  for (let index = 0; index < 10; index++) await first.call('CreateTopics', { topics: Array.from({ length: 100 }, (_, topic) => newTopic(`t-${index}-${topic}`, 10)) })
  const started = performance.now()
  const second = await openMetadata({ disk })
  const replayMs = performance.now() - started
  expect(second.runtime.image.topicsByName.size).toBe(1000)
  // Three times the aim: machines that run tests are busy.
  expect(replayMs).toBeLessThan(450)
  const createStarted = performance.now()
  for (let index = 0; index < 20; index++) await second.call('CreateTopics', { topics: [newTopic(`late-${index}`)] })
  expect((performance.now() - createStarted) / 20).toBeLessThan(10)
})
