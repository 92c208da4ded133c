import { expect, test } from 'vitest'
import { endTransaction } from '../../../src/transactions/transitions.ts'
import { NO_PARTITIONS, NO_PRODUCER_EPOCH, NO_PRODUCER_ID } from '../../../src/transactions/transaction-metadata.ts'
import type { TransactionMetadata } from '../../../src/transactions/transaction-metadata.ts'

/** Decided in epoch 4 by a producer that was told of epoch 5. */
const completing: TransactionMetadata = {
  transactionalId: 'orders',
  producerId: 7n,
  previousProducerId: 7n,
  nextProducerId: NO_PRODUCER_ID,
  producerEpoch: 5,
  lastProducerEpoch: 4,
  timeoutMs: 60_000,
  state: 'PrepareCommit',
  partitions: NO_PARTITIONS,
  startTimestampMs: 1,
  lastUpdateTimestampMs: 2,
  clientTransactionVersion: 2,
}
const exhausted: TransactionMetadata = { ...completing, producerEpoch: 32_767, lastProducerEpoch: 32_766, nextProducerId: 9n }

test.each<[string, string, TransactionMetadata, bigint, number]>([
  ['repeats the request', 'CONCURRENT_TRANSACTIONS', completing, 7n, 4],
  ['ends its next transaction', 'CONCURRENT_TRANSACTIONS', completing, 7n, 5],
  ['ends its next transaction', 'CONCURRENT_TRANSACTIONS', { ...completing, state: 'PrepareAbort' }, 7n, 5],
  ['ends its next transaction under a new id', 'CONCURRENT_TRANSACTIONS', exhausted, 9n, 0],
  ['was fenced long ago', 'PRODUCER_FENCED', completing, 7n, 3],
  ['is ahead of its epochs', 'PRODUCER_FENCED', completing, 7n, 6],
  ['is another', 'INVALID_PRODUCER_ID_MAPPING', completing, 8n, 5],
  ['has the next id without having been told of it', 'INVALID_PRODUCER_ID_MAPPING', exhausted, 9n, 1],
  ['had no transaction yet', 'PRODUCER_FENCED', { ...completing, producerEpoch: NO_PRODUCER_EPOCH + 1, lastProducerEpoch: NO_PRODUCER_EPOCH }, 7n, 1],
])('while markers are written a producer that %s is answered %s', (_, error, metadata, producerId, producerEpoch) => {
  expect(endTransaction(metadata, { producerId, producerEpoch, commit: false, clientTransactionVersion: 2 }, 3, null)).toEqual({ kind: 'reject', error })
})
