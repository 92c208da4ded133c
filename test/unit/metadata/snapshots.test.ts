// Snapshots of the metadata: what they hold, when they are written, and what a node makes of one that it is given.

import { expect, test } from 'vitest'
import { CONFIG_RESOURCES, emptyImage } from '../../../src/metadata/cluster-image.ts'
import type { ClusterImage } from '../../../src/metadata/cluster-image.ts'
import { changeOfPartition } from '../../../src/metadata/controller/partition-records.ts'
import { imageRecords } from '../../../src/metadata/image-records.ts'
import { MetadataDelta } from '../../../src/metadata/metadata-delta.ts'
import type { CommittedHandler } from '../../../src/metadata/metadata-log.ts'
import { MetadataRuntime } from '../../../src/metadata/metadata-runtime.ts'
import { SnapshotWriter } from '../../../src/metadata/snapshot-writer.ts'
import type { MetadataListener } from '../../../src/metadata/metadata-runtime.ts'
import { decodeMetadataRecord, encodeMetadataRecord } from '../../../src/protocol/codec.ts'
import type { MetadataRecord } from '../../../src/protocol/codec.ts'
import { Logging } from '../../../src/shared/logger.ts'
import { randomUuid } from '../../../src/shared/uuid.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { CLUSTER_ID, newTopic, openMetadata } from '../../support/metadata-fixture.ts'
import { joiningBroker } from '../../support/cluster-images.ts'

/** Everything of an image in an order of its own, which no map promises. */
function contents(image: ClusterImage) {
  const sorted = (map: ReadonlyMap<unknown, unknown>) => [...map].map(([key, value]) => [String(key), value] as const).sort(([a], [b]) => (a < b ? -1 : 1))
  const { topicsByName, topicsById, collidingNames, brokers, configs, features, nextProducerId } = image
  return {
    topicsByName: sorted(topicsByName), topicsById: sorted(topicsById), brokers: sorted(brokers), features: sorted(features), nextProducerId,
    configs: sorted(configs).map(([key, texts]) => [key, sorted(texts as ReadonlyMap<string, string>)]),
    collidingNames: sorted(collidingNames).map(([key, names]) => [key, [...(names as readonly string[])].sort()]),
  }
}

/** As they come back from a file. */
const stored = (records: readonly MetadataRecord[]) => records.map(({ name, version, value }) => decodeMetadataRecord(encodeMetadataRecord(name, version, value)))

async function busyCluster() {
  const fixture = await openMetadata({ brokerCount: 3 })
  const { call, runtime } = fixture
  await call('CreateTopics', { topics: [newTopic('orders', 3, { 'retention.ms': '1000' }), newTopic('a.b', 2), newTopic('gone', 4)] })
  await call('DeleteTopics', { topics: [{ name: 'gone' }] })
  await call('IncrementalAlterConfigs', {
    resources: [{ resourceType: CONFIG_RESOURCES.GROUP, resourceName: 'g:with:colons', configs: [{ name: 'consumer.session.timeout.ms', configOperation: 0, value: '50000' }] }],
  })
  await runtime.write((image) => {
    const topic = image.topicsByName.get('orders')
    const change = { leader: 1, isr: [1], replicas: [1, 2], removingReplicas: [2], eligibleLeaderReplicas: [2], lastKnownElr: [3] }
    return { records: topic ? [changeOfPartition(topic.id, 1, change)] : [], response: undefined }
  })
  await runtime.write(() => ({ records: [{ name: 'ProducerIdsRecord', version: 0, value: { brokerId: 1, brokerEpoch: 1n, nextProducerId: 7000n } }], response: undefined }))
  return fixture
}

test('an image made of its records is the same image', async () => {
  const { runtime } = await busyCluster()
  const copy = new MetadataDelta(emptyImage(CLUSTER_ID))
  for (const record of stored(imageRecords(runtime.image))) copy.replay(record)
  expect(contents(copy.apply(runtime.image.offset))).toEqual(contents(runtime.image))
})

test('a node that was behind begins anew, and whoever follows is told what has changed and what is gone', async () => {
  const { runtime: ahead } = await busyCluster()
  let begin: CommittedHandler | undefined
  const notAsked = (): Promise<never> => Promise.reject(new Error('not asked'))
  const log = {
    append: () => Promise.reject(new Error('not the leader')),
    replay: () => Promise.resolve(),
    onCommitted: (handler: CommittedHandler) => handler(0n, earlier),
    onSnapshot: (handler: CommittedHandler) => (begin = handler),
    endOffset: () => 0n,
    describe: notAsked,
    addVoter: notAsked,
    removeVoter: notAsked,
    removeObserver: notAsked,
  }
  const removedId = randomUuid()
  const earlier = [...imageRecords(ahead.image).filter(({ name }) => name === 'FeatureLevelRecord'), { name: 'TopicRecord', version: 0, value: { name: 'old', topicId: removedId } } as MetadataRecord]
  const behind = await MetadataRuntime.open(log, emptyImage(CLUSTER_ID), new ManualClock(), new Logging({ level: 'FATAL' }).logger('metadata'))
  const heard: MetadataDelta[] = []
  behind.onChange((image, delta) => {
    expect(image).toBe(behind.image)
    heard.push(delta)
  })
  begin?.(ahead.image.offset, stored(imageRecords(ahead.image)))
  expect(contents(behind.image)).toEqual(contents(ahead.image))
  expect(behind.image.offset).toBe(ahead.image.offset)
  expect(heard).toHaveLength(1)
  expect(heard[0]?.topics.get(removedId)).toBeUndefined()
  expect([...(heard[0]?.topics.keys() ?? [])].sort()).toEqual([removedId, ...ahead.image.topicsById.keys()].sort())
  expect([...(heard[0]?.features.keys() ?? [])]).toEqual([])
  expect([...(heard[0]?.brokers.keys() ?? [])].sort()).toEqual([...ahead.image.brokers.keys()].sort())
})

function writer({ bytes = 0, bytesMax = 100, intervalMaxMs = 1000 }) {
  const saved: { offset: bigint; count: number }[] = []
  const listeners: MetadataListener[] = []
  const timers = new Map<string, { delayMs: number; run: () => void }>()
  const log = {
    bytes,
    bytesSinceSnapshot: () => log.bytes,
    saveSnapshot: (offset: bigint, records: readonly MetadataRecord[]) => {
      log.bytes = 0
      saved.push({ offset, count: records.length })
    },
  }
  const runtime = { image: emptyImage(CLUSTER_ID), onChange: (listener: MetadataListener) => void listeners.push(listener) }
  const logger = new Logging({ level: 'FATAL' }).logger('metadata')
  new SnapshotWriter({ log, runtime, logger, bytesMax, intervalMaxMs, timers: { set: (key, delayMs, run) => timers.set(key, { delayMs, run }), cancel: (key) => timers.delete(key) } })
  const change = (size: number) => {
    const base = runtime.image
    const delta = new MetadataDelta(base)
    delta.replay(joiningBroker(base, 1))
    runtime.image = delta.apply(base.offset + 1n)
    log.bytes += size
    for (const listener of listeners) listener(runtime.image, delta)
  }
  return { saved, timers, change }
}

test('a snapshot is written when enough bytes are in none', () => {
  const { saved, timers, change } = writer({})
  change(60)
  expect(saved).toEqual([])
  change(60)
  expect(saved).toEqual([{ offset: 1n, count: 1 }])
  expect(timers.size).toBe(0)
  change(60)
  expect(saved).toHaveLength(1)
})

test('a change is in a snapshot after the longest time, counted from the first', () => {
  const { saved, timers, change } = writer({})
  change(1)
  const [first] = timers.values()
  expect(first?.delayMs).toBe(1000)
  change(1)
  expect([...timers.values()]).toEqual([first])
  first?.run()
  expect(saved).toEqual([{ offset: 1n, count: 1 }])
  expect(timers.size).toBe(0)
})

test('what an earlier run left without a snapshot counts; nothing without a change, no time where the time is 0', () => {
  expect(writer({ bytes: 100 }).saved).toHaveLength(1)
  expect(writer({ bytes: 1 }).timers.size).toBe(1)
  expect(writer({ bytes: 0 }).timers.size).toBe(0)
  expect(writer({ bytes: 1, intervalMaxMs: 0 }).timers.size).toBe(0)
})
