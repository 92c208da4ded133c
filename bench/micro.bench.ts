// `npm run bench`: what the control plane's most frequent work costs, piece by piece, with tinybench. Each line says what is
// measured; the machine's load moves all of them alike, so compare lines of one run.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Bench } from 'tinybench'
import { emptyImage } from '../src/metadata/cluster-image.ts'
import { metadataRecord } from '../src/metadata/controller/metadata-records.ts'
import { partitionRecord } from '../src/metadata/controller/partition-records.ts'
import { MetadataDelta } from '../src/metadata/metadata-delta.ts'
import type { ApiName } from '../src/protocol/api-keys.ts'
import { apiByName } from '../src/protocol/api-keys.ts'
import { decodeMetadataRecord, decodeRequest, decodeRequestHeader, encodeMetadataRecord, encodeRequest, encodeResponse } from '../src/protocol/codec.ts'
import { SharePartition } from '../src/share/share-partition.ts'
import { randomUuid } from '../src/shared/uuid.ts'
import { joiningBroker } from '../test/support/cluster-images.ts'
import type { Uuid } from '../src/shared/uuid.ts'

const OUT = join('bench', 'results')
const bench = new Bench({ time: 500, warmupTime: 100 })

function decoding<N extends ApiName>(api: N, request: Parameters<typeof encodeRequest<N>>[4]): void {
  const version = apiByName(api).maxVersion
  const frame = encodeRequest(api, version, 7, 'bench', request)
  bench.add(`decode ${api} v${version} (${frame.length} bytes)`, () => {
    const { apiVersion, bodyOffset } = decodeRequestHeader(frame)
    decodeRequest(api, apiVersion, frame, bodyOffset)
  })
}

const topicId = randomUuid()
const partitions = Array.from({ length: 16 }, (_, index) => index)
decoding('Heartbeat', { groupId: 'orders', generationId: 4, memberId: 'consumer-1-a2f1', groupInstanceId: null })
decoding('ConsumerGroupHeartbeat', { groupId: 'orders', memberId: 'consumer-1-a2f1', memberEpoch: 4, topicPartitions: [{ topicId, partitions }] })
decoding('OffsetCommit', { groupId: 'orders', generationIdOrMemberEpoch: 4, memberId: 'm', topics: [{ topicId, partitions: partitions.map((partitionIndex) => ({ partitionIndex, committedOffset: 100n, committedLeaderEpoch: 0, committedMetadata: '' })) }] })
decoding('Metadata', { topics: null })

const topics = Array.from({ length: 10 }, (_, index) => ({
  name: `topic-${index}`,
  topicId: randomUuid(),
  errorCode: 0,
  isInternal: false,
  partitions: partitions.map((partitionIndex) => ({ partitionIndex, leaderId: 1, leaderEpoch: 0, replicaNodes: [1], isrNodes: [1], offlineReplicas: [] })),
}))
bench.add('encode Metadata of 160 partitions', () => encodeResponse('Metadata', 13, 7, { brokers: [{ nodeId: 1, host: '127.0.0.1', port: 9092, rack: null }], clusterId: 'c', controllerId: 1, topics }))
bench.add('encode Heartbeat', () => encodeResponse('Heartbeat', 4, 7, { errorCode: 0 }))

const CLUSTER_ID = 'Sm9pbi1UaGUtRmlyc3QtMQ' as Uuid
const empty = emptyImage(CLUSTER_ID)
const withBroker = new MetadataDelta(empty)
withBroker.replay(joiningBroker(empty, 1))
const base = withBroker.apply(0n)
const creation = [
  metadataRecord('TopicRecord', { name: 'many', topicId }),
  ...Array.from({ length: 10_000 }, (_, index) => partitionRecord(base, topicId, index, [1])),
]
const encoded = creation.map(({ name, version, value }) => encodeMetadataRecord(name, version, value))
bench.add('apply a topic of 10,000 partitions to the image', () => {
  const delta = new MetadataDelta(base)
  for (const record of creation) delta.replay(record)
  delta.apply(10_001n)
})
bench.add('decode its 10,001 metadata records', () => {
  for (const record of encoded) decodeMetadataRecord(record)
})

const settings = { lockDurationMs: 30_000, deliveryCountLimit: 5, recordLocksMax: 2000, hasDeadLetterQueue: false }
bench.add('give 500 records to a member of a share group and take its word for each', () => {
  const shared = new SharePartition(0, [], () => settings)
  shared.acquire('m', 0, [{ firstOffset: 0, lastOffset: 499, deliverable: true, dueMs: 0 }], 500, 500, 0, 0)
  const change = shared.acknowledge('m', [{ firstOffset: 0, lastOffset: 499, types: [1] }], 0)
  if (typeof change !== 'string') shared.commit(change)
})

await bench.run()
const rows = bench.tasks.map(({ name, result }) => {
  if (result.state !== 'completed') throw new Error(`${name} did not run: ${result.state}`)
  return { name, microsPerOperation: result.latency.mean * 1000, p99Micros: result.latency.p99 * 1000, operationsPerSecond: result.throughput.mean, samples: result.latency.samplesCount }
})
const width = Math.max(...rows.map(({ name }) => name.length))
console.log(`${''.padEnd(width)}  ${'mean µs'.padStart(12)}  ${'p99 µs'.padStart(12)}  ${'per second'.padStart(12)}`)
for (const { name, microsPerOperation, p99Micros, operationsPerSecond } of rows) {
  console.log(`${name.padEnd(width)}  ${microsPerOperation.toFixed(2).padStart(12)}  ${p99Micros.toFixed(2).padStart(12)}  ${Math.round(operationsPerSecond).toLocaleString('en').padStart(12)}`)
}
mkdirSync(OUT, { recursive: true })
writeFileSync(join(OUT, 'micro.json'), `${JSON.stringify({ at: new Date().toISOString(), node: process.version, rows }, null, 2)}\n`)
