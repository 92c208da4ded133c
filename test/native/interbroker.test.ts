// Asking a whole broker over its socket as another broker would: records, offsets, transactions and states of share groups.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { ClusterCaller } from '../../src/broker/cluster-caller.ts'
import { ClusterRecords } from '../../src/broker/cluster-records.ts'
import { MarkerRouter } from '../../src/broker/marker-router.ts'
import { ShareStateRouter } from '../../src/broker/share-state-router.ts'
import { TransactionVerifier } from '../../src/broker/transaction-verifier.ts'
import { Broker } from '../../src/index.ts'
import { SocketInterBroker } from '../../src/interbroker/socket-inter-broker.ts'
import { KafkaError } from '../../src/protocol/error-codes.ts'
import { systemClock as clock } from '../../src/shared/clock.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { SystemTimers } from '../../src/shared/timers.ts'
import type { Uuid } from '../../src/shared/uuid.ts'
import { produce, recordBatch } from '../support/produce-fetch.ts'
import { WireClient } from '../support/wire-client.ts'

const HERE = 2
/** The node id of the broker that is asked; this one is not running at all. */
const THERE = 1

let broker: Broker
let wire: WireClient
let topicId: Uuid
const timers = new SystemTimers()
const interBroker = new SocketInterBroker({ clientId: 'broker-2', clock, timers, requestTimeoutMs: 20_000, connectTimeoutMs: 5_000, addressOf: (node) => (node === THERE ? broker : undefined) })
const nobody = (): never => { throw new KafkaError('UNKNOWN_SERVER_ERROR', 'asked the wrong broker') }
const caller = new ClusterCaller({ nodeId: HERE, local: { call: nobody }, interBroker, clock, timers, brokers: () => [THERE], leaderOf: () => THERE, coordinatorOf: () => THERE })
const records = new ClusterRecords({ nodeId: HERE, dataPlane: { partitionOffsets: nobody, read: nobody, offsetForTimestamp: nobody }, caller, interBroker, leaderOf: () => THERE, topic: () => ({ id: topicId, partitionCount: 1 }) })

beforeAll(async () => {
  broker = await Broker.start({ logLevel: 'FATAL', settings: { 'share.coordinator.state.topic.num.partitions': 1, 'offsets.topic.num.partitions': 1, 'transaction.state.log.num.partitions': 1 } })
  wire = await WireClient.connect(broker.port)
  topicId = (await wire.call('CreateTopics', 7, { topics: [{ name: 'data', numPartitions: 1, replicationFactor: 1 }] })).topics[0]?.topicId as Uuid
})

afterAll(async () => {
  interBroker.close()
  wire.close()
  await broker.close()
  timers.close()
})

test('records, offsets and groups are read as if they were here', async () => {
  await produce(wire, 'data', 0, recordBatch(['one', 'two'], undefined, 1000))
  const [batch] = await records.read('data', 0, 0n, 1 << 20)
  expect(batch?.records.map(({ offset, value }) => [offset, String(value)])).toEqual([[0n, 'one'], [1n, 'two']])
  expect(await records.range('data', 0)).toEqual({ logStartOffset: 0n, highWatermark: 2n })
  expect(await records.offsetForTimestamp('data', 0, 1000)).toBe(0n)
  expect(await records.offsetForTimestamp('data', 0, 2000)).toBeNull()
  expect(await caller.latestOffset('data', 0)).toBe(2n)
  expect(await caller.latestOffset('data', 7)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  await expect(records.read('data', 0, 99n, 100)).rejects.toMatchObject({ errorName: 'OFFSET_OUT_OF_RANGE' })
})

test('a transaction is verified, and ended with its markers', async () => {
  const transactionalId = 'tx'
  while ((await wire.call('FindCoordinator', 4, { keyType: 1, coordinatorKeys: [transactionalId] })).coordinators[0]?.errorCode !== 0);
  let begun = await wire.call('InitProducerId', 5, { transactionalId, transactionTimeoutMs: 60_000, producerId: -1n, producerEpoch: -1 })
  while (begun.errorCode !== 0) begun = await wire.call('InitProducerId', 5, { transactionalId, transactionTimeoutMs: 60_000, producerId: -1n, producerEpoch: -1 })
  const { producerId, producerEpoch } = begun
  const verifier = new TransactionVerifier({ nodeId: HERE, local: { verifyPartition: nobody }, interBroker, coordinatorOf: () => THERE })
  const verify = (add: boolean) => verifier.verifyPartition(transactionalId, producerId, producerEpoch, 'data', 0, add)
  expect(await verify(false)).toBe('TRANSACTION_ABORTABLE')
  expect(await verify(true)).toBeNull()
  expect(await verify(false)).toBeNull()
  const markers = new MarkerRouter({ nodeId: HERE, local: { write: nobody }, interBroker, leaderOf: () => THERE })
  await markers.write({ topic: 'data', partition: 0 }, producerId, producerEpoch, 0, true, false)
  expect((await records.read('data', 0, 2n, 1000))[0]).toMatchObject({ producerId, producerEpoch, control: { type: 'COMMIT', coordinatorEpoch: 0 }, records: [] })
  await expect(markers.write({ topic: 'nowhere', partition: 0 }, producerId, producerEpoch, 0, true, false)).rejects.toMatchObject({ errorName: 'UNKNOWN_TOPIC_OR_PARTITION' })
})

test('the state of a share partition is kept there', async () => {
  const states = new ShareStateRouter({ nodeId: HERE, local: {} as never, interBroker, clock, timers, logger: silentLogger, timeoutMs: 20_000, coordinatorOf: () => THERE, ensureStateTopic: () => {} })
  const key = { groupId: 'share', topicId, partition: 0 }
  expect((await states.initialize('share', [{ topicId, partitions: [{ partition: 0, stateEpoch: 3, startOffset: 1n }] }]))[0]?.partitions).toEqual([{ partition: 0, errorCode: 0, errorMessage: null }])
  expect(await states.readState(key, 0)).toMatchObject({ stateEpoch: 3, startOffset: 1n, stateBatches: [] })
  expect(await states.writeState(key, { stateEpoch: 3, leaderEpoch: 0, startOffset: 2n, deliveryCompleteCount: 1, stateBatches: [] })).toBe('NONE')
  expect(await states.writeState(key, { stateEpoch: 2, leaderEpoch: 0, startOffset: 9n, deliveryCompleteCount: 1, stateBatches: [] })).toBe('FENCED_STATE_EPOCH')
  expect((await states.readSummary('share', [{ topicId, partitions: [{ partition: 0, leaderEpoch: -1 }] }]))[0]?.partitions[0]).toMatchObject({ startOffset: 2n, deliveryCompleteCount: 1 })
})
