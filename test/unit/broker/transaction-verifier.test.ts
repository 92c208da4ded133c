import { beforeEach, expect, test } from 'vitest'
import { TransactionVerifier } from '../../../src/broker/transaction-verifier.ts'
import type { RequestOf } from '../../../src/protocol/api-keys.ts'
import { FakeNetwork } from '../../support/fake-network.ts'
import { TransactionBroker } from '../../support/transaction-broker.ts'

const HERE = 1
const THERE = 2

let network: FakeNetwork
let there: TransactionBroker
let coordinator: number
let verifier: TransactionVerifier

beforeEach(async () => {
  network = new FakeNetwork()
  there = await TransactionBroker.start()
  there.disk.topics.set('data', 4)
  coordinator = THERE
  network.nodes.set(THERE, { AddPartitionsToTxn: ({ apiVersion }, request: RequestOf<'AddPartitionsToTxn'>) => there.call('AddPartitionsToTxn', apiVersion, request) })
  verifier = new TransactionVerifier({ nodeId: HERE, local: { verifyPartition: async (id) => (id === 'local' ? null : 'INVALID_TXN_STATE') }, interBroker: network.from(HERE), coordinatorOf: () => coordinator })
})

async function begin(transactionalId: string): Promise<bigint> {
  return (await there.call('InitProducerId', 5, { transactionalId, transactionTimeoutMs: 60_000, producerId: -1n, producerEpoch: -1 })).producerId
}
const verify = (id: string, producerId: bigint, partition: number, add: boolean) => verifier.verifyPartition(id, producerId, 0, 'data', partition, add)

test('a coordinator elsewhere adds the partitions of new clients, and tells old ones whether they are part of the transaction', async () => {
  const producerId = await begin('x')
  expect(await verify('x', producerId, 0, false)).not.toBeNull()
  expect(await verify('x', producerId, 0, true)).toBeNull()
  expect(await verify('x', producerId, 0, false)).toBeNull()
  expect(await verify('x', producerId, 1, false)).toBe('TRANSACTION_ABORTABLE')
})

test('questions of several transactions that come together share a request', async () => {
  const ids = [await begin('x'), await begin('y')]
  expect(await Promise.all([verify('x', ids[0] ?? 0n, 0, true), verify('x', ids[0] ?? 0n, 1, true), verify('y', ids[1] ?? 0n, 0, true), verify('y', 99n, 0, true)])).toEqual([null, null, null, 'INVALID_PRODUCER_ID_MAPPING'])
  expect(network.sent.map(({ request }) => (request as RequestOf<'AddPartitionsToTxn'>).transactions.map(({ transactionalId, topics }) => [transactionalId, topics[0]?.partitions]))).toEqual([
    [['x', [0, 1]], ['y', [0]]],
    [['y', [0]]],
  ])
})

test('the coordinator of this broker is asked directly', async () => {
  coordinator = HERE
  expect(await verify('local', 1n, 0, true)).toBeNull()
  expect(network.sent).toEqual([])
})

test('a coordinator that is not there is no answer, and no yes', async () => {
  const producerId = await begin('x')
  coordinator = -1
  expect(await verify('x', producerId, 0, true)).toBe('COORDINATOR_NOT_AVAILABLE')
  coordinator = THERE
  network.faults.push('answer lost')
  expect(await verify('x', producerId, 0, true)).toBe('NETWORK_EXCEPTION')
  there.coordinator.unload(there.coordinator.partitionFor('x'))
  expect(await verify('x', producerId, 0, true)).toBe('NOT_COORDINATOR')
})
