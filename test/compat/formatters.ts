// Kafka's own formatters over the internal topics of a broker: what groups, transactions and share groups left there must be
// read by the tools that operators look with.

import { Broker } from '../../src/index.ts'
import { randomUuid } from '../../src/shared/uuid.ts'
import { produce, produceVersion12, recordBatch } from '../support/produce-fetch.ts'
import { WireClient } from '../support/wire-client.ts'
import { ZERO_UUID } from '../../src/shared/uuid.ts'
import type { Uuid } from '../../src/shared/uuid.ts'

/** Runs one of Kafka's tools to its end; what it printed. */
export type Tool = (name: string, args: readonly string[]) => Promise<string>

type Reading = { readonly formatter: string; readonly topic: string; /** What a printed record must hold, one pattern for each kind of record. */ readonly shows: readonly RegExp[] }

const PACKAGE = 'org.apache.kafka.tools.consumer'
const READINGS: readonly Reading[] = [
  { formatter: `${PACKAGE}.OffsetsMessageFormatter`, topic: '__consumer_offsets', shows: [/"group":"readers","topic":"jobs","partition":0.*"offset":7,.*"metadata":"where I am"/, /"group":"in-transaction".*"offset":3,/] },
  { formatter: `${PACKAGE}.GroupMetadataMessageFormatter`, topic: '__consumer_offsets', shows: [/"group":"classic".*"protocolType":"consumer","generation":1,"protocol":"range".*"clientId":"wire-client"/] },
  { formatter: `${PACKAGE}.ShareGroupMessageFormatter`, topic: '__consumer_offsets', shows: [/"groupId":"workers".*"subscribedTopicNames":\["jobs"\]/, /"groupId":"workers".*"epoch":\d+/, /"initializedTopics":\[\{.*"topicName":"jobs"/] },
  { formatter: `${PACKAGE}.TransactionLogMessageFormatter`, topic: '__transaction_state', shows: [/"transactionalId":"mover".*"transactionStatus":1/, /"transactionalId":"mover".*"transactionStatus":4/] },
  { formatter: `${PACKAGE}.group.share.ShareGroupStateMessageFormatter`, topic: '__share_group_state', shows: [/"groupId":"workers".*"partition":0.*"startOffset":0/, /"groupId":"workers".*"deliveryState":2/] },
]

/** Counts the formatters that print all that is there. */
export async function readInternalTopics(tool: Tool): Promise<{ passed: number; failed: number }> {
  const broker = await Broker.start({ logLevel: 'ERROR', settings: { 'offsets.topic.num.partitions': 1, 'transaction.state.log.num.partitions': 1, 'share.coordinator.state.topic.num.partitions': 1, 'group.initial.rebalance.delay.ms': 0 } })
  let [passed, failed] = [0, 0]
  try {
    const client = await WireClient.connect(broker.port)
    await leaveRecords(client)
    client.close()
    for (const { formatter, topic, shows } of READINGS) {
      const text = await tool('kafka-console-consumer', ['--bootstrap-server', broker.bootstrapServers, '--topic', topic, '--formatter', formatter, '--from-beginning', '--max-messages', String(await recordCount(broker.port, topic)), '--timeout-ms', '120000'])
      // The formatters write one object after the other, without lines.
      const records = text.split(/(?=\{"key":)/).filter((record) => record.startsWith('{'))
      const missing = shows.filter((pattern) => !records.some((record) => pattern.test(record)))
      console.log(`${missing.length === 0 ? 'ok' : 'FAIL'} ${formatter.slice(formatter.lastIndexOf('.') + 1)}: ${records.length} records${missing.map((pattern) => `; none is ${String(pattern)}`).join('')}`)
      if (missing.length === 0) passed++
      else {
        failed++
        console.log(text.slice(0, 4000))
      }
    }
  } finally {
    await broker.close()
  }
  return { passed, failed }
}

/** How many records the one partition of a topic gives to a consumer: all but the markers of transactions. */
async function recordCount(port: number, topic: string): Promise<number> {
  // A connection of its own: one that is idle while a tool runs for long would be closed.
  const client = await WireClient.connect(port)
  const response = await client.call('Fetch', 12, { maxWaitMs: 0, minBytes: 0, maxBytes: 10_000_000, topics: [{ topic, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 10_000_000 }] }] })
  client.close()
  const batches = Buffer.from(response.responses[0]?.partitions[0]?.records ?? [])
  let count = 0
  for (let at = 0; at + 61 <= batches.length; at += 12 + batches.readInt32BE(at + 8)) {
    const isControl = (batches.readInt16BE(at + 21) & 0x20) !== 0
    if (!isControl) count += batches.readInt32BE(at + 57)
  }
  return count
}

async function leaveRecords(client: WireClient): Promise<void> {
  await client.call('CreateTopics', 7, { topics: [{ name: 'jobs', numPartitions: 1, replicationFactor: 1 }] })
  await produce(client, 'jobs', 0, recordBatch(['a', 'b', 'c', 'd']))
  for (const [keyType, key] of [[0, 'readers'], [1, 'mover']] as const) {
    while ((await client.call('FindCoordinator', 4, { keyType, coordinatorKeys: [key] })).coordinators[0]?.errorCode !== 0);
  }
  const offsets = (committedOffset: bigint, committedMetadata: string) => [{ name: 'jobs', partitions: [{ partitionIndex: 0, committedOffset, committedMetadata }] }]
  await until(async () => (await client.call('OffsetCommit', 9, { groupId: 'readers', generationIdOrMemberEpoch: -1, memberId: '', topics: offsets(7n, 'where I am') })).topics[0]?.partitions[0]?.errorCode)
  await leaveClassicGroup(client)
  await leaveTransaction(client, offsets(3n, ''))
  await leaveShareGroup(client)
}

async function leaveClassicGroup(client: WireClient): Promise<void> {
  const joined = await client.call('JoinGroup', 3, { groupId: 'classic', sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 60_000, memberId: '', protocolType: 'consumer', protocols: [{ name: 'range', metadata: Buffer.from([0, 0, 0, 0, 0, 1, 0, 4, 0x6a, 0x6f, 0x62, 0x73, 0xff, 0xff, 0xff, 0xff]) }] })
  await client.call('SyncGroup', 2, { groupId: 'classic', generationId: joined.generationId, memberId: joined.memberId, assignments: [{ memberId: joined.memberId, assignment: Buffer.from([0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]) }] })
}

async function leaveTransaction(client: WireClient, topics: object[]): Promise<void> {
  let { producerId, producerEpoch } = { producerId: -1n, producerEpoch: -1 }
  await until(async () => {
    const begun = await client.call('InitProducerId', 4, { transactionalId: 'mover', transactionTimeoutMs: 60_000 })
    ;({ producerId, producerEpoch } = begun)
    return begun.errorCode
  })
  await until(async () => (await produceVersion12(client, 'mover', 'jobs', 0, ['e'], { producerId, producerEpoch, baseSequence: 0, transactional: true })).errorCode)
  await until(async () => (await client.call('TxnOffsetCommit', 5, { transactionalId: 'mover', groupId: 'in-transaction', producerId, producerEpoch, topics } as never)).topics[0]?.partitions[0]?.errorCode)
  await until(async () => (await client.call('EndTxn', 5, { transactionalId: 'mover', producerId, producerEpoch, committed: true })).errorCode)
  // The state is complete once the markers are written.
  await until(async () => ((await client.call('DescribeTransactions', 0, { transactionalIds: ['mover'] })).transactionStates[0]?.transactionState === 'CompleteCommit' ? 0 : 1))
}

async function leaveShareGroup(client: WireClient): Promise<void> {
  await client.call('IncrementalAlterConfigs', 1, { resources: [{ resourceType: 32, resourceName: 'workers', configs: [{ name: 'share.auto.offset.reset', configOperation: 0, value: 'earliest' }] }] })
  const member = { groupId: 'workers', memberId: randomUuid() }
  let memberEpoch = 0
  let partitions: { topicId: Uuid; partitionIndex: number }[] = []
  await until(async () => {
    const beat = await client.call('ShareGroupHeartbeat', 1, { ...member, memberEpoch, subscribedTopicNames: memberEpoch === 0 ? ['jobs'] : null })
    if (beat.errorCode === 0) memberEpoch = beat.memberEpoch
    partitions = beat.assignment?.topicPartitions.flatMap(({ topicId, partitions: indexes }) => indexes.map((partitionIndex) => ({ topicId, partitionIndex }))) ?? []
    return partitions.length > 0 ? 0 : 1
  })
  const topicId = partitions[0]?.topicId ?? ZERO_UUID
  let shareSessionEpoch = 0
  await until(async () => {
    const fetched = await client.call('ShareFetch', 1, { ...member, shareSessionEpoch: shareSessionEpoch++, maxWaitMs: 200, minBytes: 1, maxBytes: 1_000_000, maxRecords: 100, batchSize: 100, topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }] }], forgottenTopicsData: [] })
    return (fetched.responses[0]?.partitions[0]?.acquiredRecords.length ?? 0) > 0 ? 0 : 1
  })
  await client.call('ShareAcknowledge', 1, { ...member, shareSessionEpoch, topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: [{ firstOffset: 1n, lastOffset: 1n, acknowledgeTypes: [1] }] }] }] })
}

/** Asks again until the answer has no error; coordinators and share partitions come to be with the first question. */
async function until(ask: () => Promise<number | undefined>): Promise<void> {
  for (const began = Date.now(); ; ) {
    const error = await ask()
    if (error === 0) return
    if (Date.now() - began > 60_000) throw new Error(`still answered with error ${error}`)
  }
}
