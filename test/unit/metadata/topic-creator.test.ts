import { expect, test } from 'vitest'
import { openMetadata } from '../../support/metadata-fixture.ts'

test('a topic that cannot be created for now is told of once, however often it is asked for', async () => {
  const { topicCreator, runtime, lines } = await openMetadata({ settings: { 'offsets.topic.replication.factor': '3' } })
  for (let turn = 0; turn < 3; turn++) {
    topicCreator.begin('__consumer_offsets')
    await runtime.idle()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(lines.filter((line) => line.includes('cannot create topic __consumer_offsets'))).toHaveLength(1)
  expect(runtime.image.topicsByName.has('__consumer_offsets')).toBe(false)
})

test('nobody is warned of a topic that another broker created first', async () => {
  const { topicCreator, runtime, lines } = await openMetadata()
  for (let turn = 0; turn < 2; turn++) {
    topicCreator.begin('__consumer_offsets')
    await runtime.idle()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(runtime.image.topicsByName.has('__consumer_offsets')).toBe(true)
  expect(lines.filter((line) => line.includes('__consumer_offsets'))).toEqual([expect.stringContaining('created topic __consumer_offsets')])
})
